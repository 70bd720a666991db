"""`mwaa-local check` and `check dags`, whole commands with the release's own Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import REPOSITORY_DIR, Outcome, ProjectRunner, make_clean_env
from tests.integration.test_errors import DEAD_INDEX

MakeProject = Callable[..., ProjectRunner]
VERSION = "3.3.1"
ENVIRONMENT = f'AirflowVersion: "{VERSION}"\n'
GOOD = """
from datetime import datetime
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("good", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    EmptyOperator(task_id="only")
"""
# One of everything that can be wrong, in a project of its own.
WRONG: Mapping[str, str] = {
    "mwaa.yaml": ENVIRONMENT + "AirflowConfigurationOptions:\n  core.default_task_retrys: '1'\nLocal: {Aws: local}\n",
    "requirements/requirements.txt": "--no-index\n--find-links /usr/local/airflow/plugins\nabsent==1.0\n",
    "plugins/broken.py": "from airflow.plugins_manager import AirflowPlugin\nfrom . import nothing\n",
    "startup/startup.sh": "set -e\nfalse\n",
    "airflow_settings.yaml": "airflow:\n  connections:\n    - conn_id: of no type\n",
    "tests/aws/secrets.yaml": "empty:\n",
    "dags/broken.py": "from airflow.sdk import DAG\nfrom airflow.sdk import Absent\n",
    "dags/good.py": GOOD,
}
PARTS = ["environment file", "options", "requirements", "plugins", "startup script", "settings", "dags"]
SETTINGS = "airflow:\n  variables:\n    - variable_value: no name\n"


def check(runner: ProjectRunner, *words: str, env: Mapping[str, str] | None = None) -> Outcome:
    outcome = runner.run("check", *words, env=env)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def parts(outcome: Outcome) -> dict[str, dict[str, Any]]:
    plain = json.loads(outcome.stdout)
    assert plain["exit_code"] == outcome.exit_code
    assert [part["name"] for part in plain["parts"]] == PARTS
    return {part["name"]: part for part in plain["parts"]}


def rules(part: Mapping[str, Any]) -> set[str]:
    return {finding["rule"] for finding in part["findings"]}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> ProjectRunner:
    home_dir = tmp_path_factory.mktemp("wrong")
    runner = ProjectRunner(home_dir / "project", make_clean_env(home_dir))
    runner.root_dir.mkdir()
    runner.write(WRONG)
    return runner


@pytest.fixture(scope="module")
def found(wrong: ProjectRunner) -> dict[str, dict[str, Any]]:
    outcome = check(wrong, "--json")
    assert outcome.exit_code == 1
    return parts(outcome)


@pytest.mark.parametrize(
    ("part", "outcome", "rule"),
    [
        ("environment file", "ok", None),
        ("options", "findings", "option-unknown-key"),
        ("requirements", "fails", "conflict"),
        ("plugins", "fails", "relative-import"),
        ("startup script", "fails", "startup-script-fails"),
        ("settings", "fails", "settings-invalid"),
        ("dags", "fails", "dag-import-error"),
    ],
)
def test_every_part_says_what_is_wrong_with_it(
    found: Mapping[str, Mapping[str, Any]], part: str, outcome: str, rule: str | None
) -> None:
    assert found[part]["outcome"] == outcome
    assert rule is None or rule in rules(found[part])


def test_settings_and_what_the_local_aws_holds_are_reported_by_line(found: Mapping[str, Mapping[str, Any]]) -> None:
    places = {(item["path"], item["line"]) for item in found["settings"]["findings"]}
    assert places == {("airflow_settings.yaml", 3), ("tests/aws/secrets.yaml", 1)}


def test_one_broken_part_hides_nothing_of_another(found: Mapping[str, Mapping[str, Any]]) -> None:
    assert "1 DAG in 2 files" in found["dags"]["summary"]


@pytest.mark.full
def test_every_format_tells_all_of_it(wrong: ProjectRunner) -> None:
    text = check(wrong)
    assert text.exit_code == 1
    for part in PARTS:
        assert f"\n{part} " in f"\n{text.stdout}"
    for rule in (
        "option-unknown-key",
        "conflict",
        "relative-import",
        "startup-script-fails",
        "settings-invalid",
        "dag-import-error",
    ):
        assert f"[{rule}]" in text.stdout, rule
    suites = ElementTree.fromstring(check(wrong, "--format", "junit").stdout)
    assert [suite.get("name") for suite in suites] == PARTS
    sarif = json.loads(check(wrong, "--format", "sarif").stdout)
    assert "dag-import-error" in {result["ruleId"] for result in sarif["runs"][0]["results"]}
    lines = check(wrong, "--format", "github").stdout.splitlines()
    assert any(line.startswith("::error file=dags/broken.py,line=2") for line in lines)


def test_sample_project_has_nothing_wrong_and_nothing_is_left_behind(project: MakeProject, tmp_path: Path) -> None:
    runner = project()
    files = [REPOSITORY_DIR / "mwaa.yaml"]
    for folder in ("dags", "plugins", "requirements", "startup"):
        files += [path for path in (REPOSITORY_DIR / folder).rglob("*") if path.suffix in (".py", ".txt", ".sh")]
    runner.write({str(path.relative_to(REPOSITORY_DIR)): path.read_text() for path in files})
    (tmp_path / "tmp").mkdir()
    outcome = check(runner, "--json", env={"TMPDIR": str(tmp_path / "tmp")})
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list(runner.root_dir.rglob("__pycache__"))
    assert outcome.exit_code == 0
    found = parts(outcome)
    assert {part["outcome"] for part in found.values()} <= {"ok", "findings", "skipped"}
    severities = {item["severity"] for part in found.values() for item in part["findings"]}
    assert severities <= {"note"}
    assert found["startup script"]["summary"] == "sets TEAM_NAME"


def test_environment_file_that_is_wrong_comes_first(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": "AirflowVersion: '9.9.9'\nMinWorkers: many\n", "dags/good.py": GOOD})
    outcome = check(runner, "--json")
    assert outcome.exit_code == 1
    found = parts(outcome)
    assert found["environment file"]["outcome"] == "fails"
    assert {part["outcome"] for name, part in found.items() if name != "environment file"} == {"skipped"}


@pytest.mark.full
def test_index_that_does_not_answer_leaves_the_other_parts_checked(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": ENVIRONMENT, "dags/good.py": GOOD, "requirements/requirements.txt": "absent-1\n"})
    outcome = check(runner, "--json", env={"PIP_INDEX_URL": DEAD_INDEX, "UV_DEFAULT_INDEX": DEAD_INDEX})
    found = parts(outcome)
    assert found["requirements"]["outcome"] == "not checked"
    assert found["environment file"]["outcome"] == "ok"
    assert outcome.exit_code in (1, 3)


# DAGs alone.


def dags(runner: ProjectRunner, *words: str) -> dict[str, Any]:
    outcome = check(runner, "dags", "--json", *words)
    plain = json.loads(outcome.stdout)
    assert plain["exit_code"] == outcome.exit_code
    assert isinstance(plain, dict)
    return plain


def test_startup_variables_and_settings_are_there_when_dags_are_imported(project: MakeProject) -> None:
    settings = "airflow:\n  variables:\n    - {variable_name: from_settings, variable_value: '5'}\n"
    source = GOOD.replace(
        "with DAG",
        "import os\nfrom airflow.sdk import Variable\n"
        "assert os.environ['FROM_SCRIPT'] == 'yes'\nassert Variable.get('from_settings') == '5'\nwith DAG",
    )
    files = {
        "mwaa.yaml": ENVIRONMENT,
        "airflow_settings.yaml": settings,
        "startup/startup.sh": "export FROM_SCRIPT=yes\n",
        "dags/good.py": source,
    }
    plain = dags(project(files), "--strict")
    assert [finding for finding in plain["findings"] if finding["severity"] == "error"] == []
    assert [dag["dag_id"] for file in plain["files"] for dag in file["dags"]] == ["good"]


def test_requirements_are_there_when_dags_are_imported_and_kept_for_the_next_check(project: MakeProject) -> None:
    runner = project(
        {
            "mwaa.yaml": ENVIRONMENT,
            "requirements/requirements.txt": "--no-index\n--find-links /usr/local/airflow/plugins\nown==1.0\n",
            "dags/good.py": "import own\n" + GOOD,
        }
    )
    from tests.wheels import make_wheel

    make_wheel(runner.root_dir / "plugins", "own", "1.0")
    first = check(runner, "dags")
    assert first.exit_code == 0, first.stdout
    assert "pip installs them" in first.stderr
    second = check(runner, "dags")
    assert second.exit_code == 0, second.stdout
    assert "pip installs them" not in second.stderr


def test_finding_is_suppressed_by_a_comment_on_its_line(project: MakeProject) -> None:
    good = GOOD.replace("\nwith", "\nfrom airflow.providers.standard.operators.bash import BashOperator\nwith")
    line = '    BashOperator(task_id="other", bash_command="true", queue="mine")'
    comments = {
        "bare": "",
        "ignoring": "  # mwaa-local: ignore[queue-not-of-mwaa]",
        "ignoring_another": "  # mwaa-local: ignore[docker-operator]",
    }
    files = {
        f"dags/{name}.py": good.replace('"good"', f'"{name}"') + f"{line}{comment}\n"
        for name, comment in comments.items()
    }
    found = dags(project({"mwaa.yaml": ENVIRONMENT, **files}))
    assert sorted(dag["dag_id"] for file in found["files"] for dag in file["dags"]) == sorted(comments)
    places = {item["path"] for item in found["findings"] if item["rule"] == "queue-not-of-mwaa"}
    assert places == {"dags/bare.py", "dags/ignoring_another.py"}


def test_module_that_the_provider_lacks_is_reported_once_with_the_version_that_has_it(project: MakeProject) -> None:
    source = "from airflow.providers.amazon.aws.operators.lambda_function import LambdaInvokeFunctionOperator\n"
    runner = project({"mwaa.yaml": 'AirflowVersion: "2.2.2"\n', "dags/a.py": f"from airflow import DAG\n{source}"})
    plain = dags(runner)
    assert [item["rule"] for item in plain["findings"] if item["severity"] == "error"] == ["provider-module-missing"]


def test_rule_is_explained_with_its_examples(project: MakeProject) -> None:
    runner = project({"dags/a.py": ""})
    outcome = check(runner, "dags", "--explain", "docker-operator")
    assert outcome.exit_code == 0
    assert "bad:" in outcome.stdout
    assert "DockerOperator" in outcome.stdout
    of_requirements = check(runner, "dags", "--explain", "constraint-overlooked")
    assert of_requirements.stdout.startswith("constraint-overlooked (warning): ")
    assert "What to do: Write the option as `--constraint ADDRESS`" in of_requirements.stdout
    wrong = check(runner, "dags", "--explain", "docker-operatr")
    assert wrong.exit_code == 2
    assert "did you mean docker-operator?" in wrong.stderr
    assert "in brackets" in check(runner, "dags", "--explain", "zzz").stderr


def test_project_without_dags_folder_is_said(project: MakeProject) -> None:
    outcome = check(project({"mwaa.yaml": ENVIRONMENT}), "dags")
    assert outcome.exit_code == 3
    assert "there is no" in outcome.stderr


def test_mistake_in_the_settings_is_reported_beside_the_dags_that_ask_for_them(project: MakeProject) -> None:
    asking = GOOD.replace('with DAG("good"', 'from airflow.sdk import Variable\n\nwith DAG(Variable.get("name")')
    found = dags(project({"mwaa.yaml": ENVIRONMENT, "dags/asking.py": asking, "airflow_settings.yaml": SETTINGS}))
    assert found["exit_code"] == 1
    places = {(item["rule"], item["path"], item["line"]) for item in found["findings"]}
    assert ("settings-invalid", "airflow_settings.yaml", 3) in places
    assert "missing-variable" in {rule for rule, _, _ in places}
    assert [len(file["dags"]) for file in found["files"]] == [1]


def test_what_airflow_and_ruff_both_say_is_reported_once(project: MakeProject) -> None:
    head = "from airflow.sdk import DAG\n"
    files = {
        "dags/gone.py": f"{head}from airflow.datasets import Dataset\nDAG('a', schedule=[Dataset('s3://a/b')])\n",
        "dags/old.py": f"{head}from airflow.decorators import task\nwith DAG('b', schedule=None):\n"
        "    @task\n    def only(): ...\n    only()\n",
    }
    found = dags(project({"mwaa.yaml": ENVIRONMENT, **files}))["findings"]
    gone, old = ([item for item in found if item["path"] == path] for path in files)
    assert [(item["rule"], item["line"]) for item in gone] == [("dag-import-error", 2)]
    assert gone[0]["hint"] == "use `Asset` from `airflow.sdk`"
    assert [(item["rule"], item["line"]) for item in old] == [("ruff-AIR311", 4)]
    assert "Airflow says: " in old[0]["why"]


@pytest.mark.network
@pytest.mark.full
def test_value_with_which_airflow_does_not_start_is_one_finding_of_the_options(project: MakeProject) -> None:
    refused = "AirflowConfigurationOptions:\n  logging.logging_level: 'DEBUGG'\n"
    runner = project({"mwaa.yaml": ENVIRONMENT + refused, "dags/good.py": GOOD, "plugins/own.py": "import json\n"})
    told = parts(check(runner, "--json"))
    [finding] = told["options"]["findings"]
    assert (finding["rule"], finding["line"], finding["hint"]) == ("option-value", 3, "write DEBUG")
    assert [told[name]["findings"] for name in ("plugins", "dags")] == [[], []]
    assert "does not start with this logging.logging_level" in told["dags"]["skipped"]
