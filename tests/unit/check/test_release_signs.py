"""Which release a project without AirflowVersion was made for, and what is then not said."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.release_signs import (
    MAX_LEVELS,
    release_assumed,
    release_signs,
    without_release_advice,
)
from mwaa_local.check.report.formats import text
from mwaa_local.check.requirements.verdict import Checked, Clash, Conflict
from mwaa_local.environment.environment import Environment
from mwaa_local.finding import ERROR, RELEASE_ASSUMED, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release

CONSTRAINTS = '--constraint "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-3.11.txt"\n'
TERRAFORM = 'resource "aws_mwaa_environment" "team" {{\n  # airflow_version = "2.4.3"\n  airflow_version = "{}"\n}}\n'


def project(folder: Path, files: dict[str, str]) -> Project:
    (folder / "dags").mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return Project(folder)


def assumed(folder: Path, files: dict[str, str]) -> Finding | None:
    found = project(folder, files)
    return release_assumed(found, Environment.load(found))


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("requirements/requirements.txt", "# list\n" + CONSTRAINTS.format("2.8.1"), "requirements/requirements.txt:2"),
        ("requirements/requirements.txt", "boto3\napache-airflow[amazon]==2.8.1\n", "requirements/requirements.txt:2"),
        ("dags/requirements.txt", CONSTRAINTS.format("2.8.1"), "dags/requirements.txt:1"),
        ("docker/Dockerfile", "FROM amazonlinux\nARG AIRFLOW_VERSION=2.8.1\n", "docker/Dockerfile:2"),
        ("Dockerfile", "FROM apache/airflow:slim-2.8.1-python3.11\n", "Dockerfile:1"),
        ("Dockerfile", 'ENV AIRFLOW_VERSION "2.8.1"\n', "Dockerfile:1"),
        ("mwaa-local-env", "#!/bin/bash\n\nAIRFLOW_VERSION=2_8_1\n", "mwaa-local-env:3"),
        ("mwaa-local-env", "AIRFLOW_VERSION=2_8\n", "mwaa-local-env:1"),
        ("docker/docker-compose-local.yml", "image: amazon/mwaa-local:2_8\n", "docker/docker-compose-local.yml:1"),
        ("docker-compose.yaml", "image: amazon-mwaa-docker-images/airflow:2.8.1-dev\n", "docker-compose.yaml:1"),
        ("infra/team.tf", TERRAFORM.format("2.8.1"), "infra/team.tf:3"),
        ("infra/v.tf", 'variable "airflow_version" {\n  # mwaa\n  default = "2.8.1"\n}\n', "infra/v.tf:3"),
        ("infra/dev.tfvars", 'airflow_version = "2.8.1"\n', "infra/dev.tfvars:1"),
        ("template.yaml", "Type: AWS::MWAA::Environment\nAirflowVersion: '2.8.1'\n", "template.yaml:2"),
        ("t.json", '{"Type": "AWS::MWAA::Environment",\n "AirflowVersion": "2.8.1"}\n', "t.json:2"),
        ("cdk/stack.ts", "new mwaa.CfnEnvironment(this, 'E', {\n  airflowVersion: '2.8.1' })\n", "cdk/stack.ts:2"),
        ("cdk/stack.py", "mwaa.CfnEnvironment(self, 'E',\n  airflow_version='2.8.1')\n", "cdk/stack.py:2"),
    ],
)
def test_file_that_names_a_release_gives_the_hint(tmp_path: Path, name: str, content: str, place: str) -> None:
    found = assumed(tmp_path / "p", {name: content})
    assert found is not None
    assert (found.rule, found.severity, found.path) == (RELEASE_ASSUMED, WARNING, "mwaa.yaml")
    assert found.what.startswith(
        f"no mwaa.yaml: MWAA's newest, {DEFAULT_AIRFLOW_VERSION}, is assumed, but {place} names"
    )
    assert found.hint == 'write into mwaa.yaml: AirflowVersion: "2.8.1"'


def test_name_of_the_folder_gives_the_hint(tmp_path: Path) -> None:
    found = assumed(tmp_path / "images" / "airflow" / "2.10.3", {})
    assert found is not None
    assert "but the folder's name 2.10.3 names 2.10.3" in found.what
    assert found.hint == 'write into mwaa.yaml: AirflowVersion: "2.10.3"'


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"mwaa.yaml": 'AirflowVersion: "2.8.1"\n', "docker/Dockerfile": "ARG AIRFLOW_VERSION=2.10.3\n"},
        {"requirements/requirements.txt": CONSTRAINTS.format(DEFAULT_AIRFLOW_VERSION)},
        {"requirements/requirements.txt": f"# {CONSTRAINTS.format('2.8.1')}boto3\n"},
        {"infra/main.tf": 'airflow_version = "2.8.1"\n'},  # of some other Airflow
        {"dags/settings.py": "mwaa = 1\nairflow_version = '2.8.1'\n"},
        {"/".join(["a"] * (MAX_LEVELS + 1)) + "/main.tf": TERRAFORM.format("2.8.1")},
        # What describes the environment counts more than constraints, which are then really the wrong ones.
        {
            "infra/main.tf": TERRAFORM.format(DEFAULT_AIRFLOW_VERSION),
            "requirements/requirements.txt": CONSTRAINTS.format("2.8.1"),
        },
    ],
)
def test_without_a_sign_of_another_release_nothing_is_said(tmp_path: Path, files: dict[str, str]) -> None:
    assert assumed(tmp_path / "p", files) is None


def test_environment_file_without_version_is_told_as_that(tmp_path: Path) -> None:
    files = {"mwaa.yaml": "# AirflowVersion of mwaa: 2.4.3\nName: team\n", "Dockerfile": "ARG AIRFLOW_VERSION=2.8.1\n"}
    found = assumed(tmp_path / "p", files)
    assert found is not None
    assert found.what.startswith("mwaa.yaml names no AirflowVersion: MWAA's newest")


def test_signs_that_differ_are_all_named_and_the_environment_s_description_leads(tmp_path: Path) -> None:
    files = {
        "requirements/requirements.txt": CONSTRAINTS.format("2.7.2"),
        "docker/Dockerfile": "ARG AIRFLOW_VERSION=2.8.1\n",
        "main.tf": TERRAFORM.format("2.8.1"),
    }
    found = assumed(tmp_path / "p", files)
    assert found is not None
    assert "but main.tf:3 names 2.8.1" in found.what
    assert "do not agree: requirements/requirements.txt:1 names 2.7.2." in found.why
    assert "Dockerfile" not in found.why


def test_version_that_mwaa_never_had_is_not_proposed(tmp_path: Path) -> None:
    found = assumed(tmp_path / "p", {"Dockerfile": "ARG AIRFLOW_VERSION=2.3.4\n"})
    assert found is not None
    assert found.hint == "MWAA has no Airflow 2.3.4: write your environment's AirflowVersion into mwaa.yaml"


def test_file_that_cannot_be_read_is_no_sign(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"broken.yaml": "mwaa"})
    (root.root_dir / "Dockerfile").symlink_to("nowhere")
    (root.root_dir / "binary.json").write_bytes(b"mwaa \xff AirflowVersion: ?")
    assert release_signs(root) == ()


# What is not said then.

ASSUMED = Finding(RELEASE_ASSUMED, WARNING, "mwaa.yaml", 0, "3.3.1 is assumed", "", 'write AirflowVersion: "2.8.1"')
OWN_URL = Release.load(DEFAULT_AIRFLOW_VERSION).constraints_urls[0]
ADVICE = Finding("other-release-constraints", WARNING, "r.txt", 1, "those of 2.8.1", "", f"--constraint {OWN_URL}")
REPLACES = Finding("replaces-airflow", ERROR, "r.txt", 2, "replaces Airflow", "", f"ask for: --constraint {OWN_URL}")


def test_nobody_is_told_to_take_the_constraints_of_an_assumed_release() -> None:
    [kept] = without_release_advice([ADVICE, REPLACES], ASSUMED)
    assert (kept.rule, kept.hint) == ("replaces-airflow", ASSUMED.hint)
    assert without_release_advice([ADVICE, REPLACES], None) == (ADVICE, REPLACES)


def test_assumed_release_stands_before_the_conflicts_that_come_of_it() -> None:
    conflict = Conflict((Clash("r.txt", 3, "boto3==1", "boto3==2", "MWAA's essential pins", "no other"),), "")
    lines = text([Checked("r.txt", "3.3.1", "3.12", conflict, (ASSUMED,), 0.1)]).split("\n")
    assert lines[2].startswith("mwaa.yaml: warning[release-assumed]")
    assert any("boto3==1" in line for line in lines[3:])
