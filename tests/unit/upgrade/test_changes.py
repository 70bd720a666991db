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
from mwaa_local.upgrade import uses
from mwaa_local.upgrade.changes import CHANGES_PATH, DEFAULT, MEMBER, ChangesCase, change_findings
from mwaa_local.upgrade.dag_calls import KINDS
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.image_changes import IMAGE, PYTHON, SYSTEM, image_findings
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.sources import ProjectSources

CATCHUP = ChangedDefault("scheduler.catchup_by_default", "True", "False")
WITHOUT_CATCHUP = "from airflow import DAG\n\nwith DAG('a', schedule='@daily'):\n    pass\n"
WITH_CATCHUP = "from airflow import DAG\n\nwith DAG('a', schedule='@daily', catchup=False):\n    pass\n"


def case_of(
    root_dir: Path,
    files: Mapping[str, str],
    versions: tuple[str, str],
    defaults: tuple[ChangedDefault, ...] = (),
    options: Mapping[str, str] | None = None,
) -> ChangesCase:
    for name, text in files.items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source, target = map(Release.load, versions)
    sources = ProjectSources(Project(root_dir), source, options or {})
    return ChangesCase(move(source, target), "mwaa.yaml", options or {}, sources, defaults)


def places(findings: tuple[Finding, ...], rule: str, severity: str) -> list[str]:
    return [item.place for item in findings if (item.rule, item.severity) == (rule, severity)]


def test_data_are_complete() -> None:
    data = tomllib.loads(CHANGES_PATH.read_text(encoding="utf-8"))
    assert data.keys() == {"option", "behaviour", "member"}
    assert {entry["of_dags"] for entry in (*data["option"], *data["behaviour"]) if "of_dags" in entry} <= KINDS.keys()
    for entry in (*data["option"], *data["behaviour"]):
        assert entry["severity"] in SEVERITIES
        assert entry["why"]
        assert re.compile(entry.get("in_files", ""))
        assert entry.get("of_uses", "own modules as programs") in uses.KINDS
        assert entry["hint"]
    assert uses.KINDS.keys() == uses.WORDS.keys()
    assert {entry["since"] for entry in (*data["behaviour"], *data["member"])} <= set(Release.versions())


def test_member_that_the_release_lacks_is_told_where_the_file_has_it(tmp_path: Path) -> None:
    case = case_of(tmp_path, {}, ("3.3.1", "3.0.6"))
    found = change_findings(replace(case, members={"Teams": {}, "Name": "e"}))
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
    options = {CATCHUP.option: "True"}
    case = case_of(tmp_path, {"dags/a.py": WITHOUT_CATCHUP}, ("2.11.2", "3.3.1"), (CATCHUP,), options)
    assert places(change_findings(case), DEFAULT, WARNING) == []


@pytest.mark.parametrize(("before", "told"), [(None, True), ("True", True), ("False", False)])
def test_option_that_the_old_release_lacks_counts_as_what_it_did(
    tmp_path: Path, before: str | None, told: bool
) -> None:
    cron = ChangedDefault("scheduler.create_cron_data_intervals", before, "False")
    dag = "from airflow import DAG\nDAG('a', schedule='0 3 * * *', catchup=False)\n"
    found = change_findings(case_of(tmp_path, {"dags/a.py": dag}, ("2.7.2", "3.3.1"), (cron,)))
    assert bool(places(found, DEFAULT, WARNING)) == told


def test_ignore_file_is_told_where_other_files_are_left_out_then(tmp_path: Path) -> None:
    syntax = ChangedDefault("core.dag_ignore_file_syntax", "regexp", "glob")
    files = {
        "dags/.airflowignore": "tests/\nhelp\n",  # the second is a part of a name for the old syntax alone
        "dags/team/.airflowignore": "sql\n",
        "dags/helpers.py": "from airflow import DAG\n",
        "dags/helpless.py": "",  # never parsed
        "dags/tests/a.py": "from airflow import DAG\n",
        "dags/team/sql/a.py": "from airflow import DAG\n",
    }
    [found] = change_findings(case_of(tmp_path, files, ("2.10.3", "3.3.1"), (syntax,)))[:1]
    assert (found.rule, found.severity, found.path) == (DEFAULT, WARNING, "dags/.airflowignore")
    assert found.why.endswith("It makes a difference for dags/helpers.py.")
    (tmp_path / "dags/helpers.py").unlink()
    same = change_findings(case_of(tmp_path, {}, ("2.10.3", "3.3.1"), (syntax,)))
    assert [item for item in same if item.rule == DEFAULT] == []
    without_safe_mode = {"core.dag_discovery_safe_mode": "False"}
    [found] = change_findings(case_of(tmp_path, {}, ("2.10.3", "3.3.1"), (syntax,), without_safe_mode))[:1]
    assert found.why.endswith("It makes a difference for dags/helpless.py.")


def test_ignore_file_that_leaves_out_the_same_makes_no_difference_after_1_10(tmp_path: Path) -> None:
    """Airflow 1.10 keeps to it for DAGs, though not for plugins."""
    syntax = ChangedDefault("core.dag_ignore_file_syntax", None, "glob")
    files = {"dags/.airflowignore": "helpers\n", "dags/helpers/a.py": "from airflow import DAG\n"}
    found = change_findings(case_of(tmp_path, files, ("1.10.12", "2.11.2"), (syntax,)))
    assert [item for item in found if item.rule == DEFAULT] == []


def test_dags_are_not_looked_for_in_tests_hidden_folders_and_ignored_files(tmp_path: Path) -> None:
    names = ("test_a.py", "sub/conftest.py", ".venv/lib/a.py", "left/a.py", "a.py")
    files = {f"dags/{name}": WITHOUT_CATCHUP for name in names} | {"dags/.airflowignore": "^left/\n"}
    found = change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"), (CATCHUP,)))
    assert places(found, DEFAULT, WARNING) == ["dags/a.py:3"]
    globs = {"core.dag_ignore_file_syntax": "glob"}
    found = change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"), (CATCHUP,), globs))
    assert places(found, DEFAULT, WARNING) == ["dags/a.py:3", "dags/left/a.py:3"]


def test_file_with_a_byte_order_mark_is_read(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    files = {"dags/a.py": f"\ufeff{WITHOUT_CATCHUP}    pattern = '\\d'\n"}
    found = change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"), (CATCHUP,)))
    assert places(found, DEFAULT, WARNING) == ["dags/a.py:3"]
    assert not recwarn.list  # of escapes such as "\d"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("from airflow.utils.session import create_session\nwith create_session(): ...\n", "metadata database"),
        ("from airflow.models import DagRun\n\n\ndef f():\n    DagRun.find(dag_id='a')\n", "metadata database"),
        ("def f(ti):\n    ti.xcom_pull(key='a')\n", "xcom_pull"),
        ("def f(ti):\n    ti.xcom_pull(key='a', default=None)\n", "xcom_pull"),
        ("def f(**context):\n    context['dag_run'].execution_date\n", "execution_date"),
        ("def f(dag_run):\n    dag_run.execution_date\n", "execution_date"),
        ("def f(**context):\n    context['next_ds']\n", "execution_date"),
        ("def f(**kwargs):\n    kwargs.get('execution_date')\n", "execution_date"),
    ],
)
def test_behaviour_is_told_where_a_file_has_to_do_with_it(tmp_path: Path, code: str, words: str) -> None:
    others = "def f(ti):\n    ti.xcom_pull(task_ids='a', key='b')\n    ti.xcom_pull('a')\n    # context['next_ds']\n"
    files = {"dags/a.py": code, "dags/b.py": others}
    up = change_findings(case_of(tmp_path, files, ("2.11.2", "3.0.6")))
    assert [words in item.what for item in up if item.severity == WARNING] == [True]
    within = change_findings(case_of(tmp_path, files, ("3.0.6", "3.3.1")))
    assert [item for item in within if item.severity == WARNING] == []


def test_downgrade_says_what_is_lost_and_nothing_of_the_way_up(tmp_path: Path) -> None:
    files = {"dags/a.py": "from airflow.utils.session import create_session\nwith create_session(): ...\n"}
    found = change_findings(case_of(tmp_path, files, ("3.3.1", "2.11.2")))
    assert [item.what for item in found] == [
        "signing in by a web login token has another address",
        "what only Airflow 3 keeps is lost in a downgrade",
    ]


def test_downgrade_tells_of_dags_that_run_daily_then(tmp_path: Path) -> None:
    files = {
        "dags/a.py": "from airflow.sdk import DAG, dag\n\n\n@dag\ndef a(): ...\n",
        "dags/b.py": "from airflow import DAG\nwith DAG('b', schedule=None): ...\n",
        "dags/c.py": "from airflow import DAG\nwith DAG('c', **arguments): ...\n",
    }
    down = change_findings(case_of(tmp_path, files, ("3.3.1", "2.11.2")))
    assert [item.place for item in down if item.severity == WARNING] == ["dags/a.py:4"]
    both = change_findings(
        case_of(tmp_path, files, ("3.3.1", "2.11.2"), (replace(CATCHUP, before="False", after="True"),))
    )
    assert [item.place for item in both if item.severity == WARNING] == ["dags/a.py:4"]  # and not of its catchup, too


def test_upgrade_to_airflow_3_tells_of_dags_that_run_no_more(tmp_path: Path) -> None:
    files = {
        "dags/a.py": "from airflow import DAG\nwith DAG('a', start_date=START): ...\n",
        "dags/b.py": "from airflow import DAG\nwith DAG('b', schedule=None): ...\n",
        "dags/c.py": "from airflow import DAG\nwith DAG('c', **arguments): ...\n",
    }
    up = change_findings(case_of(tmp_path, files, ("2.11.2", "3.0.6"), (CATCHUP,)))
    [found] = [item for item in up if item.severity == WARNING]
    assert (found.place, found.what) == (
        "dags/a.py:2",
        "from Airflow 3.0.6 on, a DAG that names no schedule runs only when somebody asks for it",
    )
    within = change_findings(case_of(tmp_path, files, ("2.10.3", "2.11.2"), (CATCHUP,)))
    assert [item.rule for item in within if item.severity == WARNING] == [DEFAULT]  # it runs daily, before and after


@pytest.mark.parametrize(
    ("versions", "access", "is_told"),
    [
        (("2.11.2", "3.0.6"), "PUBLIC_ONLY", True),
        (("2.11.2", "3.0.6"), "PRIVATE_ONLY", False),
        (("3.0.6", "3.3.1"), "PUBLIC_ONLY", False),
    ],
)
def test_public_web_server_is_told_where_tasks_begin_to_need_it(
    tmp_path: Path, versions: tuple[str, str], access: str, is_told: bool
) -> None:
    case = replace(case_of(tmp_path, {}, versions), members={"WebserverAccessMode": access})
    assert any("a way to the web server" in item.what for item in change_findings(case)) == is_told


@pytest.mark.parametrize(("value", "is_told"), [("10,1", True), ("5,0", True), ("5,5", False), (" 5 , 5 ", False)])
def test_workers_with_two_numbers_are_told_on_the_way_to_airflow_3(tmp_path: Path, value: str, is_told: bool) -> None:
    case = case_of(tmp_path, {}, ("2.11.2", "3.3.1"), options={"celery.worker_autoscale": value})
    assert any("worker_autoscale" in item.what for item in change_findings(case)) == is_told


@pytest.mark.parametrize(
    ("versions", "command", "is_told"),
    [
        (("2.9.2", "2.10.3"), "python3 -m jobs.load", True),
        (("2.9.2", "2.10.3"), "python3 -m pip install a", False),  # no module of the DAGs folder
        (("2.7.2", "2.10.3"), "python3 -m jobs.load", False),  # which had no such path either
    ],
)
def test_path_of_programs_is_told_where_it_was_and_matters(
    tmp_path: Path, versions: tuple[str, str], command: str, is_told: bool
) -> None:
    files = {"dags/a.py": f"BashOperator(task_id='a', bash_command='{command}')\n", "dags/jobs/load.py": ""}
    found = change_findings(case_of(tmp_path, files, versions))
    assert [item.place for item in found if item.severity == WARNING] == (["dags/a.py:1"] if is_told else [])


def test_notes_that_ask_for_nothing_are_not_told(tmp_path: Path) -> None:
    files = {"dags/a.py": "from airflow import DAG\n", "requirements/requirements.txt": "pandas\n"}
    pool = ChangedDefault("core.default_pool_task_slot_count", "10000", "128")
    assert change_findings(case_of(tmp_path, files, ("2.7.2", "2.10.3"), (pool,))) == ()
    assert all(item.hint for item in change_findings(case_of(tmp_path, files, ("2.11.2", "3.3.1"))))


def test_python_is_told_where_files_name_the_old_one(tmp_path: Path) -> None:
    files = {"startup/startup.sh": "a\nls /usr/lib/python3.11\n", "plugins/a-1.0-cp311-cp311-linux_x86_64.whl": ""}
    files["plugins/b-1.0-cp311-abi3-linux_x86_64.whl"] = ""  # fits later ones, too
    files["dags/a.py"] = "# python3.11\nPythonVirtualenvOperator(python_version='3.11')\n"
    found = image_findings(case_of(tmp_path, files, ("2.10.3", "2.11.2")))
    wheel = "plugins/a-1.0-cp311-cp311-linux_x86_64.whl"
    assert places(found, PYTHON, WARNING) == ["dags/a.py:2", wheel, "startup/startup.sh:2"]
    assert places(found, PYTHON, NOTE) == ["mwaa.yaml"]
    same = image_findings(case_of(tmp_path, files, ("2.10.1", "2.10.3")))
    assert [item for item in same if item.rule == PYTHON] == []


def test_system_is_told_where_the_script_uses_what_the_new_one_lacks(tmp_path: Path) -> None:
    files = {"startup/startup.sh": "sudo amazon-linux-extras install java-openjdk11\n"}
    found = image_findings(case_of(tmp_path, files, ("2.6.3", "2.7.2")))
    assert places(found, SYSTEM, WARNING) == ["startup/startup.sh:1"]
    assert "Amazon Linux 2023 takes the place of Amazon Linux 2" in {item.what for item in found}
    (tmp_path / "startup/startup.sh").unlink()
    without = image_findings(case_of(tmp_path, {}, ("2.6.3", "2.7.2")))
    assert [item for item in without if item.rule == SYSTEM] == []


def test_packages_that_the_image_loses_are_told_where_they_are_imported(tmp_path: Path) -> None:
    code = "def task():\n    import pandas as pd\n    from numpy.linalg import norm\n"
    files = {"dags/a.py": code, "requirements/requirements.txt": "numpy==1.24.4  # ours\n"}
    case = case_of(tmp_path, files, ("2.4.3", "2.7.2"))
    found = image_findings(case)
    assert places(found, IMAGE, WARNING) == ["dags/a.py:2"]
    assert "add pandas to the requirements file" in {item.hint for item in found}
    brought = image_findings(replace(case, installed=frozenset({"pandas"})))  # by what a requirement needs
    assert places(brought, IMAGE, WARNING) == []
    unknown = replace(case, installed=None)  # the requirements could not be checked
    assert places(image_findings(unknown), IMAGE, WARNING) == []
    assert [item for item in image_findings(unknown) if "takes the place of" in item.what and item.line] == []


@pytest.mark.parametrize(
    "files",
    [
        {"dags/a.py": "import pandas\n", "dags/pandas.py": ""},
        {"dags/a.py": "from pandas.x import y\n", "plugins/pandas/x.py": ""},
        {"dags/a.py": "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n"},
        {"dags/a.py": "# import pandas\nfrom .pandas import a\n"},
        {"dags/a.py": "import pandas\n", "startup/startup.sh": "pip3 install --user pandas\n"},
        {"dags/a.py": "import pandas\n", "requirements/requirements.txt": "pandas==1.5.3 \\\n    --hash=sha256:1\n"},
    ],
)
def test_module_of_ones_own_or_one_that_may_be_missing_is_not_told(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert places(image_findings(case_of(tmp_path, files, ("2.4.3", "2.7.2"))), IMAGE, WARNING) == []


def test_packages_of_another_major_version_are_told_where_they_are_imported(tmp_path: Path) -> None:
    files = {
        "dags/a.py": "def f():\n    import sqlalchemy as sa\n    import pytz\n",
        "dags/b.py": "import sqlalchemy\n",
    }
    case = case_of(tmp_path, files, ("3.0.6", "3.3.1"))
    [found] = [item for item in image_findings(case) if item.place == "dags/a.py:2"]
    assert (found.severity, found.what) == (NOTE, "sqlalchemy 2.0.51 takes the place of 1.4.54")
    assert "and 1 more of your files do" in found.why
    own = image_findings(replace(case, installed=frozenset({"sqlalchemy"})))
    assert [item for item in own if item.path != "mwaa.yaml"] == []


def test_providers_commands_and_api_of_the_image_are_compared(tmp_path: Path) -> None:
    files = {
        "dags/a.py": "from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator\n",
        "dags/b.py": "from airflow.providers.ftp.hooks.ftp import FTPHook\n",
    }
    case = case_of(tmp_path, files, ("2.11.2", "3.3.1"))
    found = {item.what for item in image_findings(case)}
    assert "providers of yours that are not in the image then: ftp" in found
    own = replace(case, installed=frozenset({"apache-airflow-providers-ftp"}))
    assert not any("not in the image then" in item.what for item in image_findings(own))
    assert "the REST API is at /api/v2; it was at /api/v1" in found
    [majors] = [what for what in found if what.startswith("providers of yours with another major version: ")]
    assert majors.partition(": ")[2].startswith("common-sql 1.") and "," not in majors
    assert any(what.startswith("commands that /aws_mwaa/cli does not run then: dags backfill") for what in found)
