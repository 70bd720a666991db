"""What is different after a move although nothing fails: told only where move and project have to do with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.finding import NOTE, SEVERITIES, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.changes import CHANGES_PATH, DEFAULT, MEMBER, ChangesCase, change_findings
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.image_changes import IMAGE, PYTHON, SYSTEM, image_findings
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.sources import ProjectSources

CATCHUP = ChangedDefault("scheduler.catchup_by_default", "True", "False")
WITHOUT_CATCHUP = "from airflow import DAG\n\nwith DAG('a'):\n    pass\n"
WITH_CATCHUP = "from airflow import DAG\n\nwith DAG('a', catchup=False):\n    pass\n"


def case_of(
    root_dir: Path,
    files: Mapping[str, str],
    versions: tuple[str, str],
    defaults: tuple[ChangedDefault, ...] = (),
    options: frozenset[str] = frozenset(),
) -> ChangesCase:
    for name, text in files.items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source, target = map(Release.load, versions)
    return ChangesCase(move(source, target), "mwaa.yaml", options, ProjectSources(Project(root_dir)), defaults)


def places(findings: tuple[Finding, ...], rule: str, severity: str) -> list[str]:
    return [item.place for item in findings if (item.rule, item.severity) == (rule, severity)]


def test_data_are_complete() -> None:
    data = tomllib.loads(CHANGES_PATH.read_text(encoding="utf-8"))
    assert data.keys() == {"option", "behaviour", "member"}
    for entry in (*data["option"], *data["behaviour"]):
        assert entry["severity"] in SEVERITIES
        assert entry["why"]
        assert re.compile(entry.get("in_files", "")), re.compile(entry.get("unless", ""))
        assert entry["severity"] == NOTE or entry["hint"]
    assert {entry["since"] for entry in (*data["behaviour"], *data["member"])} <= set(Release.versions())


def test_member_that_the_release_lacks_is_told_where_the_file_has_it(tmp_path: Path) -> None:
    case = case_of(tmp_path, {}, ("3.3.1", "3.0.6"))
    found = change_findings(replace(case, members=frozenset({"Teams", "Name"})))
    assert [item.what for item in found if item.rule == MEMBER] == [
        "Airflow 3.0.6 has no Teams: MWAA has it since Airflow 3.3.1"
    ]
    assert [item for item in change_findings(case) if item.rule == MEMBER] == []


def test_default_is_told_of_files_that_rely_on_it(tmp_path: Path) -> None:
    files = {"dags/a.py": WITHOUT_CATCHUP, "dags/b.py": WITH_CATCHUP}
    found = change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"), (CATCHUP,)))
    assert places(found, DEFAULT, WARNING) == ["dags/a.py:3"]
    assert "scheduler.catchup_by_default is False by default; it was True" in {item.what for item in found}


def test_default_of_an_option_that_is_set_is_not_told(tmp_path: Path) -> None:
    options = frozenset({CATCHUP.option})
    case = case_of(tmp_path, {"dags/a.py": WITHOUT_CATCHUP}, ("2.11.2", "3.3.1"), (CATCHUP,), options)
    assert places(change_findings(case), DEFAULT, WARNING) == []


@pytest.mark.parametrize(("before", "told"), [(None, True), ("True", True), ("False", False)])
def test_option_that_the_old_release_lacks_counts_as_what_it_did(
    tmp_path: Path, before: str | None, told: bool
) -> None:
    cron = ChangedDefault("scheduler.create_cron_data_intervals", before, "False")
    dag = "DAG('a', schedule='0 3 * * *', catchup=False)\n"
    found = change_findings(case_of(tmp_path, {"dags/a.py": dag}, ("2.7.2", "3.3.1"), (cron,)))
    assert bool(places(found, DEFAULT, WARNING)) == told


def test_ignore_file_is_told_where_its_syntax_changes(tmp_path: Path) -> None:
    syntax = ChangedDefault("core.dag_ignore_file_syntax", "regexp", "glob")
    files = {"dags/.airflowignore": "a\n", "dags/team/.airflowignore": "b\n"}
    found = change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"), (syntax,)))
    assert places(found, DEFAULT, WARNING) == ["dags/.airflowignore", "dags/team/.airflowignore"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("from airflow.utils.session import create_session\n", "metadata database"),
        ("def f(ti):\n    ti.xcom_pull(key='a')\n", "xcom_pull"),
        ("def f(**context):\n    context['next_ds']\n", "execution_date"),
        ("def f(**kwargs):\n    kwargs.get('execution_date')\n", "execution_date"),
    ],
)
def test_behaviour_is_told_where_a_file_has_to_do_with_it(tmp_path: Path, code: str, words: str) -> None:
    files = {"dags/a.py": code, "dags/b.py": "def f(ti):\n    ti.xcom_pull(task_ids='a', key='b')\n"}
    up = change_findings(case_of(tmp_path, files, ("2.11.2", "3.0.6")))
    assert [words in item.what for item in up if item.severity == WARNING] == [True]
    within = change_findings(case_of(tmp_path, files, ("3.0.6", "3.3.1")))
    assert [item for item in within if item.severity == WARNING] == []


def test_downgrade_says_what_is_lost_and_nothing_of_the_way_up(tmp_path: Path) -> None:
    files = {"dags/a.py": "from airflow.utils.session import create_session\n"}
    found = change_findings(case_of(tmp_path, files, ("3.3.1", "2.11.2")))
    assert [item.what for item in found] == ["what only Airflow 3 keeps is lost in a downgrade"]


def test_python_is_told_where_files_name_the_old_one(tmp_path: Path) -> None:
    files = {"startup/startup.sh": "a\nls /usr/lib/python3.11\n", "plugins/a-1.0-cp311-cp311-linux_x86_64.whl": ""}
    found = image_findings(case_of(tmp_path, files, ("2.10.3", "2.11.2")))
    wheel = "plugins/a-1.0-cp311-cp311-linux_x86_64.whl"
    assert places(found, PYTHON, WARNING) == [wheel, "startup/startup.sh:2"]
    assert places(found, PYTHON, NOTE) == ["mwaa.yaml"]
    same = image_findings(case_of(tmp_path, files, ("2.10.1", "2.10.3")))
    assert [item for item in same if item.rule == PYTHON] == []


def test_system_is_told_where_the_script_uses_what_the_new_one_lacks(tmp_path: Path) -> None:
    files = {"startup/startup.sh": "sudo amazon-linux-extras install java-openjdk11\n"}
    found = image_findings(case_of(tmp_path, files, ("2.6.3", "2.7.2")))
    assert places(found, SYSTEM, WARNING) == ["startup/startup.sh:1"]
    assert "Amazon Linux 2023 takes the place of Amazon Linux 2" in {item.what for item in found}


def test_packages_that_the_image_loses_are_told_where_they_are_imported(tmp_path: Path) -> None:
    code = "def task():\n    import pandas as pd\n    from numpy.linalg import norm\n"
    files = {"dags/a.py": code, "requirements/requirements.txt": "numpy==1.24.4  # ours\n"}
    found = image_findings(case_of(tmp_path, files, ("2.4.3", "2.7.2")))
    assert places(found, IMAGE, WARNING) == ["dags/a.py:2"]
    assert "add pandas to the requirements file" in {item.hint for item in found}


def test_providers_commands_and_api_of_the_image_are_compared(tmp_path: Path) -> None:
    found = {item.what for item in image_findings(case_of(tmp_path, {}, ("2.11.2", "3.3.1")))}
    assert "providers that are not in the image then: ftp, imap, sqlite" in found
    assert "the REST API is at /api/v2; it was at /api/v1" in found
    assert any("fab 1.5.4 → 3.8.0" in what for what in found)
    assert any(what.startswith("commands that /aws_mwaa/cli does not run then: dags backfill") for what in found)
