"""`check dags` on files that lack something, in a real Airflow: what it says, and where it says nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import EACH_GENERATION, LATEST

pytestmark = pytest.mark.network
OLD = "2.10.3"
SDK = "from airflow.sdk import DAG\n"
HEAD = "from datetime import datetime\n\nfrom airflow import DAG\n"


def dag(name: str, before: str = "", more: str = "") -> str:
    return f"{HEAD}{before}\n\ndag = DAG({name!r}, start_date=datetime(2024, 1, 1){more})\n"


TIMETABLE = """
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.interval import CronDataIntervalTimetable


class LunchTimetable(CronDataIntervalTimetable):
    def __init__(self):
        super().__init__("0 12 * * *", timezone="UTC")

    def serialize(self):
        return {}

    @classmethod
    def deserialize(cls, data):
        return cls()


class Lunch(AirflowPlugin):
    name = "lunch"
    timetables = [LunchTimetable]
"""
SCHEDULE = """
import inspect, os, sys
sys.path.append(os.environ["AIRFLOW_HOME"])
from {module} import LunchTimetable
ARGUMENTS = {{"schedule" if "schedule" in inspect.signature(DAG).parameters else "timetable": LunchTimetable()}}
"""
FILES = {
    "plugins/lunch_timetable.py": TIMETABLE,
    "plugins/operators/hello.py": "X = 1\n",
    "dags/.airflowignore": "operators\n",
    "dags/operators/__init__.py": "",
    "dags/operators/other.py": "Y = 2\n",
    "dags/shared/__init__.py": "",
    "dags/shared/names.py": "NAME = 'x'\n",
    "dags/prefixed.py": dag("prefixed", "from dags.shared.names import NAME"),
    "dags/right.py": dag("right", "from shared.names import NAME"),
    "dags/hidden.py": dag("hidden", "from operators.hello import X"),
    "dags/lunch.py": dag("lunch", SCHEDULE.format(module="plugins.lunch_timetable"), ", **ARGUMENTS"),
    "dags/lunch_right.py": dag("lunch_right", SCHEDULE.format(module="lunch_timetable"), ", **ARGUMENTS"),
    "dags/account.py": dag("account", "import boto3\n\nA = boto3.client('sts').get_caller_identity()['Account']"),
    "dags/region.py": dag(
        "region", "import botocore.session\n\nbotocore.session.Session().create_client('nothing_of_aws')"
    ),
    "dags/subnets.py": dag("subnets", "import os\n\nS = os.environ.get('AIRFLOW__APP__SUBNETS').split(',')"),
    "dags/subnet_key.py": dag("subnet_key", "import os\n\nS = os.environ['AIRFLOW__APP__SUBNETS']"),
    "dags/subnet_conf.py": dag(
        "subnet_conf", "from airflow.configuration import conf\n\nS = conf.get('app', 'subnets')"
    ),
    "dags/none.py": dag("none", "import os\n\nS = os.environ.get('SUBNETS').split(',')"),
    "dags/nested/one.py": dag("one"),
    "dags/nested/two.py": dag("two"),
    "dags/loader.py": f"""{HEAD}
import importlib

for name in ("nested.one", "nested.two"):
    for value in list(vars(importlib.import_module(name)).values()):
        if isinstance(value, DAG):
            globals()[value.dag_id] = value
""",
    "dags/waiting.py": f"""{HEAD}
from importlib import import_module

right = import_module("right").dag  # shows "right", which right.py makes
TEXT = dict(external_dag_id="right", name="right")
print("right")
""",
    "dags/factory.py": f"""{HEAD}
from airflow.models import BaseOperator

START = datetime(2024, 1, 1)


def make(name, has_task=True):
    made = DAG(f"made_{{name}}", start_date=START)
    if has_task:
        BaseOperator(task_id="one", dag=made)
    return made


for name in ("a", "b", "c"):
    last = make(name)
for name in ("d", "e"):
    globals()[name] = make(name)
for name in ("f", "g"):
    with DAG(f"made_{{name}}", start_date=START) as last_with:
        BaseOperator(task_id="one")
make("d")  # again
make("thrown_away", has_task=False)
""",
    "dags/twice_a.py": dag("twice"),
    "dags/twice_b.py": dag("twice", "import twice_a"),
}
Findings = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="module", params=EACH_GENERATION)
def checked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Return the findings of one project by file, without notes on deprecations."""
    home_dir = tmp_path_factory.mktemp(f"verdicts-{request.param}")
    runner = ProjectRunner(home_dir / "project", make_clean_env(home_dir))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": f'AirflowVersion: "{request.param}"\n', **FILES})
    outcome = runner.run("check", "dags", "--json")
    assert "Traceback (most" not in outcome.stderr, outcome.stderr
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in FILES}
    for item in json.loads(outcome.stdout)["findings"]:
        if not item["rule"].startswith(("airflow-deprecation", "ruff-")):
            found[item["path"]].append(item)
    return found


def test_names_that_airflow_moved_have_their_successor_wherever_they_are_imported(tmp_path: Path) -> None:
    """The import stands in a module that a DAG file imports, and nothing uses the name there."""
    files = {
        "dags/common/__init__.py": "",
        "dags/common/base.py": "import os\n\nfrom airflow.operators.dummy import DummyOperator\n",
        "dags/uses.py": f"{SDK}from common.base import DummyOperator\n\nDAG('a', schedule=None)\n",
        "dags/eks.py": "# a dag\nfrom airflow.providers.amazon.aws.operators.eks import EksPodOperator\n",
    }
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    runner.write({"mwaa.yaml": f'AirflowVersion: "{LATEST}"\n', **files})
    moved, provider = json.loads(runner.run("check", "dags", "--json").stdout)["findings"]
    assert (moved["rule"], moved["path"], moved["line"]) == ("dag-import-error", "dags/common/base.py", 3)
    assert moved["hint"] == "use `EmptyOperator` from `airflow.providers.standard.operators.empty`"
    assert (provider["rule"], provider["path"], provider["line"]) == ("provider-missing", "dags/eks.py", 2)
    assert "add apache-airflow-providers-cncf-kubernetes to requirements" in provider["hint"]


QUERIES = {
    "alias": """
from airflow.datasets import DatasetAlias

of_alias = DAG("alias", schedule=DatasetAlias("x"), start_date=START)
""",
    "decorated": """
from airflow.datasets import DatasetAlias
from airflow.decorators import dag, task, task_group

@dag(schedule=[DatasetAlias("in")], start_date=START)
def decorated():
    @task_group
    def group(x):
        @task(outlets=[DatasetAlias("out")])
        def writes(x):
            pass

        writes(x)

    group.expand(x=[1, 2])

decorated()
""",
    "subdag": """
from airflow.operators.empty import EmptyOperator
from airflow.operators.subdag import SubDagOperator

with DAG("parent", schedule=None, start_date=START) as parent:
    for name in ("right", "wrong"):
        with DAG("parent.right", schedule=None, start_date=START) as sub:
            EmptyOperator(task_id="one")
        SubDagOperator(task_id=name, subdag=sub, dag=parent)
""",
    "by_airflow": """
from airflow.models import TaskInstance
from airflow.operators.empty import EmptyOperator

TaskInstance(EmptyOperator(task_id="one", dag=DAG("by_airflow", start_date=START)), execution_date=START)
""",
    "own": "from airflow.models import DagModel\n\nDagModel.get_current('x')\n",
}


@pytest.mark.full
def test_query_that_airflow_itself_makes_is_answered_or_a_note(tmp_path: Path) -> None:
    """An alias has no datasets, a pool of SubDagOperator is large enough, and the files are seen to their end."""
    start = "\nSTART = datetime(2024, 1, 1)\n"
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    files = {f"dags/{name}.py": f"{HEAD}{start}{text}" for name, text in QUERIES.items()}
    runner.write({"mwaa.yaml": f'AirflowVersion: "{OLD}"\n', **files})
    outcome = runner.run("check", "dags", "--json")
    answer = json.loads(outcome.stdout)
    found = answer["findings"]
    told = {item["path"]: item["severity"] for item in found if item["rule"] == "top-level-database"}
    assert told == {"dags/by_airflow.py": "note", "dags/own.py": "warning"}
    [error] = [item for item in found if item["rule"] == "dag-import-error"]
    assert "Expected 'parent.wrong'" in error["what"]
    assert {"alias", "decorated"} <= {dag["dag_id"] for file in answer["files"] for dag in file["dags"]}


def test_dags_that_share_one_name_are_told_but_for_those_that_airflow_registers_itself(checked: Findings) -> None:
    told = [item for item in checked["dags/factory.py"] if item["rule"] == "dag-not-registered"]
    assert (told[0]["severity"], told[0]["line"]) == ("warning", 18)
    assert told[0]["what"] == "DAGs made_a, made_b made here will not appear in Airflow"
    registers_itself = "auto_register" in told[0]["why"]
    assert [item["what"].split()[1] for item in told[1:]] == ([] if registers_itself else ["made_f"])


@pytest.mark.parametrize("name", ["right", "lunch_right", "nested/one", "nested/two", "loader", "waiting"])
def test_nothing_is_said_where_nothing_is_wrong(checked: Findings, name: str) -> None:
    assert checked[f"dags/{name}.py"] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("prefixed", "leave out `dags.`: imports begin below dags/, so write `shared.names`"),
        ("hidden", "plugins/operators/hello.py is hidden by dags/operators"),
        ("lunch", "write `from lunch_timetable import LunchTimetable`, not from plugins.lunch_timetable"),
        ("subnets", "AIRFLOW__APP__SUBNETS is not set: add `app.subnets` to AirflowConfigurationOptions in mwaa.yaml"),
        ("subnet_key", "AIRFLOW__APP__SUBNETS is not set: add `app.subnets`"),
        ("subnet_conf", "AIRFLOW__APP__SUBNETS is not set: add `app.subnets`"),
        ("region", ""),
        ("none", ""),
    ],
)
def test_what_fails_on_mwaa_is_an_error_with_what_to_do(checked: Findings, name: str, hint: str) -> None:
    [finding] = checked[f"dags/{name}.py"]
    assert (finding["rule"], finding["severity"]) == ("dag-import-error", "error")
    assert hint in finding["hint"] if hint else finding["hint"] == ""


def test_call_of_aws_without_credentials_is_one_warning(checked: Findings) -> None:
    [finding] = checked["dags/account.py"]
    assert (finding["rule"], finding["severity"]) == ("top-level-network", "warning")
    assert "there are no credentials here" in finding["what"]
    assert "Aws: host" in finding["hint"]
    assert "into a task" in finding["hint"]


@pytest.mark.parametrize("name", ["twice_a", "twice_b"])
def test_dag_that_two_files_make_is_a_duplicate_also_if_one_imports_the_other(checked: Findings, name: str) -> None:
    [finding] = checked[f"dags/{name}.py"]
    assert finding["rule"] == "duplicate-dag-id"
