"""What a project brings along from AWS's two local tools is told with where it goes, until it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.other_tools import ELSEWHERE, NOT_READ, requirements_elsewhere, variables_of_other_tools
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ProjectNotFound
from mwaa_local.finding import NOTE, WARNING, Finding
from mwaa_local.project import MAX_BELOW, MAX_LEVELS_BELOW, Project

LOCAL_RUNNER = "docker/config/.env.localrunner"
# As the tools bring them: nothing of the user's is in them.
UNTOUCHED = {
    LOCAL_RUNNER: '# AWS_ACCESS_KEY_ID=XXXXXXXXXX\nDEFAULT_PASSWORD="test"\nS3_DAGS_PATH=""\nS3_PLUGINS_PATH=""\n',
    "docker/docker-compose-local.yml": (
        "services:\n  local-runner:\n    image: amazon/mwaa-local:2_8\n    environment:\n"
        "      - LOAD_EX=n\n      - EXECUTOR=Local\n      - POSTGRES_USER=airflow\n"
    ),
    "run.sh": (
        'COMMAND=$1\nACCOUNT_ID="" # yours\nREGION="us-west-2"\nAWS_ACCESS_KEY_ID="" # Put it here.\n'
        'export AWS_ACCESS_KEY_ID\nMWAA__CORE__REQUIREMENTS_PATH="/usr/local/airflow/requirements/requirements.txt"\n'
    ),
    "docker-compose.yaml": (
        "x-common:\n  image: amazon-mwaa-docker-images/airflow:2.10.1-dev\n  environment:\n"
        '    AWS_ACCESS_KEY_ID: ${AWS_ACCESS_KEY_ID}\n    AWS_REGION: "us-west-2"\n'
        '    MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS: "{}"\n    MWAA__CORE__FERNET_KEY: ${FERNET_KEY}\n'
    ),
}
USED = (
    "AWS_ACCESS_KEY_ID=AKIASECRET\nAWS_SECRET_ACCESS_KEY=topsecret\nAIRFLOW__CORE__PARALLELISM=9\n"
    "AIRFLOW_VAR_BUCKET=b\nTEAM_STAGE=dev\n"
)


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Project(folder)


def variables(folder: Path, files: dict[str, str]) -> list[Finding]:
    made = project(folder, files)
    return list(variables_of_other_tools(made, Environment.load(made)))


# Variables.


def test_each_kind_of_variable_is_told_where_it_goes_and_no_value_is_shown(tmp_path: Path) -> None:
    [finding] = variables(tmp_path, {LOCAL_RUNNER: f"# mine\n{USED}"})
    assert (finding.rule, finding.severity, finding.place) == (NOT_READ, NOTE, f"{LOCAL_RUNNER}:2")
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AIRFLOW__CORE__PARALLELISM, AIRFLOW_VAR_BUCKET" in finding.what
    assert finding.hint.split("\n") == [
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: leave them in your shell or ~/.aws, and write into mwaa.yaml: "
        "Local: {Aws: host}",
        'AIRFLOW__CORE__PARALLELISM: AirflowConfigurationOptions in mwaa.yaml, as core.parallelism: "…"',
        "AIRFLOW_VAR_BUCKET: airflow_settings.yaml, or export them in the startup script",
        "TEAM_STAGE: export them in startup/startup.sh, which MWAA runs too",
    ]
    assert "secret" not in str(finding).lower().replace("aws_secret_access_key", "")


def test_files_as_the_tools_bring_them_say_nothing(tmp_path: Path) -> None:
    assert variables(tmp_path, UNTOUCHED) == []


@pytest.mark.parametrize(
    ("name", "line", "hint"),
    [
        ("run.sh", 'export TEAM_STAGE="dev"', "startup/startup.sh"),
        ("run.sh", 'AWS_ACCESS_KEY_ID="AKIA"', "Local: {Aws: host}"),
        ("docker-compose.yaml", "    TEAM_STAGE: dev", "startup/startup.sh"),
        ("docker-compose.yaml", "    MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS: '{\"core.x\": 1}'", "its entries are Airflow"),
        ("docker/docker-compose-local.yml", "      - AIRFLOW__APP__STAGE=dev", 'app.stage: "…"'),
    ],
)
def test_what_was_added_to_files_of_the_tools_is_told(tmp_path: Path, name: str, line: str, hint: str) -> None:
    text = UNTOUCHED[name].replace('    MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS: "{}"\n', "")
    [finding] = variables(tmp_path, {name: f"{text}{line}\n"})
    assert finding.path == name
    assert hint in finding.hint


@pytest.mark.parametrize("name", ["run.sh", "docker-compose.yaml"])
def test_file_of_the_same_name_that_is_not_of_these_tools_is_left_alone(tmp_path: Path, name: str) -> None:
    assert variables(tmp_path, {name: "export TEAM_STAGE=dev\n"}) == []


def test_what_has_found_its_place_is_no_longer_told(tmp_path: Path) -> None:
    files = {
        LOCAL_RUNNER: USED,
        "mwaa.yaml": 'AirflowConfigurationOptions: {core.parallelism: "9"}\nLocal: {Aws: host}\n',
        "startup/startup.sh": "export TEAM_STAGE=dev\n",
        "airflow_settings.yaml": "airflow:\n  variables:\n    - variable_name: bucket\n      variable_value: b\n",
    }
    assert variables(tmp_path, files) == []


# Requirements.


@pytest.mark.parametrize(("name", "severity"), [("dags/requirements.txt", WARNING), ("requirements.txt", NOTE)])
def test_requirements_where_nobody_looks_are_told(tmp_path: Path, name: str, severity: str) -> None:
    [finding] = requirements_elsewhere(project(tmp_path, {name: "boto3\n"}))
    assert (finding.rule, finding.severity, finding.place) == (ELSEWHERE, severity, name)
    assert f"mkdir -p requirements && mv {name} requirements/requirements.txt" in finding.hint


def test_other_requirements_beside_the_file_of_mwaa_are_nobody_s_business(tmp_path: Path) -> None:
    files = dict.fromkeys(("requirements/requirements.txt", "dags/requirements.txt", "requirements.txt"), "boto3\n")
    assert requirements_elsewhere(project(tmp_path, files)) == ()


# The folder above projects.


def test_folder_above_projects_names_them(tmp_path: Path) -> None:
    project(tmp_path, {f"images/airflow/2.1{n}.0/dags/a.py": "" for n in range(MAX_BELOW + 2)})
    project(tmp_path, {"node_modules/x/dags/a.py": "", ".git/dags/a.py": "", "docs/mwaa.yaml": ""})
    with pytest.raises(ProjectNotFound) as raised:
        Project.find(tmp_path)
    assert "There are some below: docs, images/airflow/2.10.0, images/airflow/2.11.0, " in raised.value.why
    assert raised.value.why.endswith("and 3 more.")
    assert raised.value.hint == "change to one of them, or name it: --project docs"


def test_folder_far_below_is_not_searched_for(tmp_path: Path) -> None:
    project(tmp_path, {"/".join(["a"] * (MAX_LEVELS_BELOW + 1)) + "/dags/x.py": ""})
    with pytest.raises(ProjectNotFound) as raised:
        Project.find(tmp_path)
    assert "below" not in raised.value.why
