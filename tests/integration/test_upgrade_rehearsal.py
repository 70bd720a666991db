"""`mwaa-local upgrade` without more: a move rehearsed with the packages of both releases, and nothing changed by it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, ProjectRunner, make_clean_env

pytestmark = pytest.mark.network
OLD_CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-2.11.2/constraints-3.12.txt"
NEW_CONSTRAINTS = OLD_CONSTRAINTS.replace("2.11.2", "3.3.1")
FILES: Mapping[str, str] = {
    "mwaa.yaml": (
        'AirflowVersion: "2.11.2"  # ours\n'
        "AirflowConfigurationOptions:\n"
        '  scheduler.parsing_processes: "3"  # of ours\n'
        '  core.enable_xcom_pickling: "False"\n'
        '  core.no_such_option: "1"\n'
    ),
    "requirements/requirements.txt": f"--constraint {OLD_CONSTRAINTS}\napache-airflow-providers-http==6.0.0\n",
    "startup/startup.sh": "export TEAM=data\ntouch /usr/local/airflow/dags/made_by_script\n",
    "plugins/breaks.py": (
        "from airflow.plugins_manager import AirflowPlugin\n"
        "from airflow.utils.dates import days_ago\n\n\n"
        "class Breaks(AirflowPlugin):\n    name = 'breaks'\n"
    ),
    "dags/removed_import.py": (
        "from datetime import datetime\n\nfrom airflow import DAG\n"
        "from airflow.operators.subdag import SubDagOperator\n\n"
        "with DAG('removed_import', schedule=None, start_date=datetime(2026, 1, 1)):\n    pass\n"
    ),
    "dags/old_argument.py": (
        "from datetime import datetime\n\nfrom airflow import DAG\n\n"
        "with DAG('old_argument', schedule_interval='@daily', start_date=datetime(2026, 1, 1)):\n    pass\n"
    ),
    "dags/context_keys.py": (
        "from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.operators.bash import BashOperator\n"
        "from airflow.operators.python import PythonOperator\n\n\n"
        "def day(**context):\n    return context['execution_date']\n\n\n"
        "with DAG('context_keys', schedule='0 3 * * *', start_date=datetime(2026, 1, 1)):\n"
        "    PythonOperator(task_id='day', python_callable=day)\n"
        "    BashOperator(task_id='before', bash_command='echo {{ yesterday_ds }}')\n"
    ),
    "dags/broken_today.py": "from airflow import DAG\n\nimport no_such_module\n",
}


def upgrade(runner: ProjectRunner, *words: str) -> Outcome:
    outcome = runner.run("upgrade", *words)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def digest(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return name -> mode, time and content's digest of all that is below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about, content = path.lstat(), path.read_bytes() if path.is_file() else b""
        found[str(path)] = (about.st_mode, about.st_mtime_ns, hashlib.sha256(content).hexdigest())
    return found


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> ProjectRunner:
    home_dir = tmp_path_factory.mktemp("upgrade")
    runner = ProjectRunner(home_dir / "project", make_clean_env(home_dir))
    runner.root_dir.mkdir()
    runner.write(FILES)
    return runner


@pytest.fixture(scope="module")
def rehearsed(runner: ProjectRunner) -> dict[str, Any]:
    before = digest(runner.root_dir)
    outcome = upgrade(runner, "--to", "3.3.1", "--json", "--run", "context_keys", "--run", "contxt_keys")
    assert digest(runner.root_dir) == before
    plain: dict[str, Any] = json.loads(outcome.stdout)
    assert outcome.exit_code == plain["exit_code"] == 1
    [found] = plain["rehearsed"]
    return dict(found)


def findings(rehearsed: Mapping[str, Any], part: str, *severities: str) -> set[tuple[str, str, int]]:
    """Return rule, path and line of the part's findings."""
    [found] = [item["findings"] for item in rehearsed["parts"] if item["name"] == part]
    return {(item["rule"], item["path"], item["line"]) for item in found if item["severity"] in severities}


def test_dags_that_break_are_of_the_move(rehearsed: dict[str, Any]) -> None:
    broken = findings(rehearsed, "dags", "error")
    assert ("dag-import-error", "dags/removed_import.py", 4) in broken
    assert ("dag-import-error", "dags/old_argument.py", 5) in broken
    assert not [item for item in broken if "broken_today" in item[1]]


def test_dag_that_is_to_run_and_may_be_in_a_file_that_fails_is_a_warning(rehearsed: dict[str, Any]) -> None:
    [part] = [part for part in rehearsed["parts"] if part["name"] == "dags"]
    [found] = [item for item in part["findings"] if item["rule"] == "upgrade-run"]
    assert (found["severity"], found["hint"]) == ("warning", "did you mean 'context_keys'?")
    assert found["what"] == "cannot tell whether there is a DAG 'contxt_keys' with Airflow 3.3.1"


def test_dag_that_is_to_run_and_is_nowhere_ends_an_upgrade_before_anything_is_changed(tmp_path: Path) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    dag = "from airflow import DAG\n\nwith DAG('daily', schedule=None):\n    pass\n"
    runner.write({"mwaa.yaml": 'AirflowVersion: "3.0.6"\n', "dags/daily.py": dag})
    before = digest(runner.root_dir)
    outcome = upgrade(runner, "--to", "3.3.1", "--yes", "--run", "daly", "--run", "daily")
    assert outcome.exit_code == 1
    assert "no DAG 'daly' with Airflow 3.3.1, so --run cannot run it" in outcome.stdout
    assert "DAGs that exist: daily." in outcome.stdout
    assert "did you mean 'daily'?" in outcome.stdout
    assert "nothing was changed" in outcome.stderr
    assert digest(runner.root_dir / "dags") == {name: at for name, at in before.items() if "/dags/" in name}
    assert (runner.root_dir / "mwaa.yaml").read_text() == 'AirflowVersion: "3.0.6"\n'
    assert not list((runner.root_dir / ".mwaa-local").glob("**/upgrade.json"))


def test_what_fails_today_is_apart(rehearsed: dict[str, Any]) -> None:
    already = {(item["rule"], item["path"]) for item in rehearsed["already"]}
    assert ("dag-import-error", "dags/broken_today.py") in already
    assert ("option-unknown-key", "mwaa.yaml") in already
    assert not [path for rule, path in already if rule == "dag-import-error" and "broken_today" not in path]


def test_plugin_that_breaks_is_of_the_move(rehearsed: dict[str, Any]) -> None:
    assert [path for _, path, _ in findings(rehearsed, "plugins", "error")] == ["plugins/breaks.py"]


def test_context_keys_and_new_defaults_are_told_where_dags_have_to_do_with_them(rehearsed: dict[str, Any]) -> None:
    told = findings(rehearsed, "changes", "warning")
    place = ("dags/context_keys.py", 9)  # which the function's own check names more exactly, and changes not again
    assert ("context-name-missing", *place) in findings(rehearsed, "dags", "warning", "error")
    assert ("upgrade-behaviour", *place) not in told
    assert ("upgrade-default", "dags/context_keys.py", 12) in told  # cron, and without catchup
    defaults = {item["option"]: (item["before"], item["after"]) for item in rehearsed["defaults"]}
    assert defaults["scheduler.catchup_by_default"] == ("True", "False")
    assert defaults["scheduler.create_cron_data_intervals"] == ("True", "False")


def test_template_with_a_removed_key_is_told(rehearsed: dict[str, Any]) -> None:
    words = json.dumps([item for part in rehearsed["parts"] for item in part["findings"]])
    assert "yesterday_ds" in words


def test_options_that_are_removed_or_renamed_are_of_the_move(rehearsed: dict[str, Any]) -> None:
    told = findings(rehearsed, "options", "warning")
    assert told == {("option-moved", "mwaa.yaml", 3), ("option-removed", "mwaa.yaml", 4)}


def test_constraints_of_the_old_release_are_refused_with_those_of_the_new(rehearsed: dict[str, Any]) -> None:
    path = "requirements/requirements.txt"
    found = findings(rehearsed, "requirements", "error", "warning")
    assert ("other-release-constraints", path, 1) in found
    assert ("conflict", path, 2) in found  # http 6.0.0 is not the version of the new constraints


def test_changes_are_proposed_as_one_diff(rehearsed: dict[str, Any]) -> None:
    lines = set(rehearsed["diff"].splitlines())
    assert {"--- mwaa.yaml", "+++ mwaa.yaml", "--- requirements/requirements.txt"} <= lines
    assert not any("AirflowVersion" in line for line in lines if line.startswith(("+", "-"))), "the upgrade writes it"
    assert '+  dag_processor.parsing_processes: "3"  # of ours' in lines
    assert '-  core.enable_xcom_pickling: "False"' in lines
    assert f"+--constraint {NEW_CONSTRAINTS}" in lines
    assert "+apache-airflow-providers-http==6.0.5" in lines


@pytest.mark.full
def test_refused_move_fails_and_the_hop_to_it_is_rehearsed(tmp_path: Path) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n'})
    outcome = upgrade(runner, "--to", "3.3.1")
    assert outcome.exit_code == 1
    assert "go step by step: 2.10.3 → 2.11.2 → 3.3.1" in outcome.stdout
    assert "Airflow 2.10.3 → 2.11.2, Python 3.11 → 3.12 (on the way to 3.3.1)" in outcome.stdout


@pytest.mark.full
def test_downgrade_tells_of_members_that_the_older_release_lacks(tmp_path: Path) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": 'WebserverAccessMode: PUBLIC_AND_PRIVATE\nAirflowVersion: "3.3.1"\n', "dags/a.py": ""})
    outcome = upgrade(runner, "--to", "2.11.2", "--json")
    [rehearsed] = json.loads(outcome.stdout)["rehearsed"]
    assert (outcome.exit_code, rehearsed["direction"], rehearsed["allowed"]) == (1, "downgrade", True)
    assert findings(rehearsed, "environment file", "error") == {("environment-invalid", "mwaa.yaml", 1)}
    assert {part["outcome"] for part in rehearsed["parts"]} <= {"ok", "fails", "findings", "skipped"}


@pytest.mark.parametrize(
    ("version", "says"), [("2.4.3", "MWAA ended Airflow 2.4.3 on 2025-12-30"), ("2.2.2", "has Airflow 2.2.2 already")]
)
def test_what_needs_no_packages_is_told_without_them(tmp_path: Path, version: str, says: str) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.2.2"\n'})
    outcome = upgrade(runner, "--to", version)
    assert outcome.exit_code == (1 if version == "2.4.3" else 0)
    assert says in outcome.stdout
    assert not (runner.root_dir / ".mwaa-local").exists()


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["--to", "2.11"], 3, "Amazon MWAA has no Airflow version '2.11'"),
        ([], 2, "--to"),
        (["--to", "2.11.2", "--json", "--format", "github"], 2, "two formats"),
    ],
)
def test_wrong_words_are_refused(tmp_path: Path, words: list[str], exit_code: int, says: str) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n'})
    outcome = upgrade(runner, *words)
    assert (outcome.exit_code, says in outcome.stderr) == (exit_code, True), outcome.stderr


@pytest.mark.disturbs
def test_running_environment_stays_untouched_and_running(latest_environment: Any) -> None:
    state_dir = latest_environment.root_dir / ".mwaa-local" / "run"
    before, pids = (state_dir / "state.json").read_bytes(), latest_environment.pids()
    outcome = latest_environment.run("upgrade", "--to", "2.11.2", "--json")
    assert json.loads(outcome.stdout)["rehearsed"][0]["allowed"]
    assert (latest_environment.pids(), (state_dir / "state.json").read_bytes()) == (pids, before)
