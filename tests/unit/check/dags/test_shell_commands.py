"""What shell commands do with the project's folders, by their words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mwaa_local.check.dags.shell_commands import RUNS, WRITES, shell_uses

DBT = "/usr/local/airflow/dags/dbt"
PLUGIN = "/usr/local/airflow/plugins/a.sh"


def uses(
    text: str, cwd: str = "", variables: Mapping[str, str] | None = None, of_file: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    return [(use.kind, use.what) for use in shell_uses(text, cwd, variables or {}, lambda _folder: of_file or {})]


@pytest.mark.parametrize(
    "text",
    [
        f"cd {DBT} && dbt run",
        f"cd {DBT}; dbt --no-use-colors run --target prod",
        f"cd {DBT}\ndbt run",
        f"cd '{DBT}' && \\\n  DBT_PROFILES_DIR=. dbt run",
        f"D={DBT}\ncd $D && if true; then dbt run; fi",
        "(cd $AIRFLOW_HOME/dags/dbt && dbt run --vars '{{ params.x }}')",
        f"dbt run --project-dir={DBT}",
        f"DBT_PROJECT_DIR={DBT} dbt run",
        f"cd {DBT} && dbt run --target-path /tmp/t",
        f"cd {DBT} && dbt run --target-path out --log-path /tmp/l",
        f"cd {DBT} # here\n# then\ndbt run",
    ],
)
def test_dbt_that_writes_below_dags_is_seen(text: str) -> None:
    assert uses(text) == [(WRITES, "dbt run")]


@pytest.mark.parametrize(
    "text",
    [
        f"cd {DBT} && dbt run --target-path /tmp/t --log-path /tmp/l",
        f"cd {DBT} && DBT_TARGET_PATH=/tmp/t DBT_LOG_PATH=/tmp/l dbt run",
        f"export DBT_TARGET_PATH=/tmp/t\nexport DBT_LOG_PATH=/tmp/l\ncd {DBT}\ndbt run",
        f"cp -R {DBT} /tmp/ && cd /tmp/dbt && dbt run",
        f"cd {DBT} && dbt --version",
        f"cd {DBT} && echo dbt run",
        f"cd {DBT} && dbt run --target-path $OUT --log-path $OUT",
        f"cd {DBT}/$STAGE && dbt run",
        "dbt run",
        f"cd {DBT} && cd - && dbt run",
        f"cd {DBT} && dbt run 'without an end",
        f"echo '# cd {DBT}' # cd {DBT}\ndbt run",
        "cd /usr/local/airflow/dags_of_dbt && dbt run",
    ],
)
def test_dbt_that_writes_elsewhere_or_perhaps_is_not(text: str) -> None:
    assert uses(text) == []


def test_folder_variables_and_project_file_come_from_outside() -> None:
    assert uses("dbt run", DBT) == [(WRITES, "dbt run")]
    assert uses("dbt run", DBT, {"DBT_TARGET_PATH": "/tmp/t", "DBT_LOG_PATH": "/tmp/l"}) == []
    assert uses("dbt run", DBT, of_file={"target-path": "/tmp/t", "log-path": "/tmp/l"}) == []
    assert uses("dbt run", DBT, of_file={"target-path": "/tmp/t"}) == [(WRITES, "dbt run")]
    both = {"DBT_TARGET_PATH": "/tmp/t", "DBT_LOG_PATH": "/tmp/l"}
    assert uses("dbt deps", DBT, both) == [(WRITES, "dbt deps")]
    assert uses("dbt deps", DBT, {**both, "DBT_PACKAGES_INSTALL_PATH": "/tmp/p"}) == []


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("cd /usr/local/airflow/dags && date > now.txt", "date"),
        ("cd /usr/local/airflow/dags/a && mkdir -p out", "mkdir"),
        ("cd ~/dags && cp /tmp/a.csv a.csv", "cp"),
        ("cd ~/dags && date > /tmp/now.txt", ""),
        ("cd ~/dags && cp a.csv /tmp/", ""),
        ("cd ~/dags && date 2> /dev/null 2>&1", ""),
        ("cd /tmp && date > now.txt", ""),
        ("date > now.txt", ""),
        ("cd ~/dags && touch ../logs/a", ""),
    ],
)
def test_relative_paths_count_from_the_folder_of_the_command(text: str, command: str) -> None:
    assert uses(text) == ([(WRITES, command)] if command else [])


@pytest.mark.parametrize(
    ("text", "is_run"),
    [
        (f"{PLUGIN} now", True),
        ("cd /usr/local/airflow/plugins && nohup ./a.sh {{ ds }}", True),
        ("$AIRFLOW_HOME/plugins/a.sh", True),
        (f"bash {PLUGIN}", False),
        (f". {PLUGIN}", False),
        (f"cat {PLUGIN}", False),
        (f"chmod 755 {PLUGIN} && {PLUGIN}", False),
        ("/tmp/a.sh", False),
    ],
)
def test_programs_are_those_that_a_command_begins_with(text: str, is_run: bool) -> None:
    assert uses(text) == ([(RUNS, PLUGIN)] if is_run else [])
