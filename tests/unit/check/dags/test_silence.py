"""Where rules on DAG files say nothing, each beside its neighbour of which they tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mwaa_local.check.dags.environment_facts import USUAL, EnvironmentFacts
from mwaa_local.check.dags.rule import findings
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.dags.source import Source
from mwaa_local.finding import Finding
from mwaa_local.release import Release

SENSORS = (
    "from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor\nfrom airflow.sensors.python import PythonSensor\n"
)
OWN_TASK = """
from datetime import datetime
from airflow.models import Variable
from {module} import dag, task

def client():
    return Variable.get("token")

@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def load_dag():
    @task
    def load():
        client()
    load()

load_dag()
"""


def found(text: str, environment: EnvironmentFacts = USUAL) -> tuple[Finding, ...]:
    source = Source.parse(text.encode(), "dags/a.py", Release.load("2.10.3"), environment)
    assert source is not None, text
    return findings(source, RULES)


def rules_of(text: str, environment: EnvironmentFacts = USUAL) -> list[str]:
    return [item.rule for item in found(text, environment)]


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("S3KeySensor(task_id='a', bucket_key='s3://b/k', timeout=7200)", True),
        ("S3KeySensor(task_id='a', bucket_key='s3://b/k', timeout=7200, mode='reschedule')", False),
        ("from team.sensors import RowsDeferredSensor\nRowsDeferredSensor(task_id='a', timeout=7200)", False),
        ("class PoliteSensor(PythonSensor):\n    pass\nPoliteSensor(task_id='a', timeout=7200)", False),
        ("from airflow.sensors.date_time import DateTimeSensorAsync as X\nX(task_id='a', target_time='')", False),
        (
            "from airflow.providers.google.cloud.sensors.bigquery import BigQueryTableExistenceAsyncSensor as X\n"
            "X(task_id='a', timeout=7200)",
            False,
        ),
    ],
)
def test_only_sensors_of_airflow_that_poke_are_told_of(text: str, is_told: bool) -> None:
    assert rules_of(SENSORS + text) == ["sensor-holds-slot"] * is_told


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("S3KeySensor(task_id='a', bucket_key='s3://b/k', timeout=7200)", False),
        ("S3KeySensor(task_id='a', bucket_key='s3://b/k', timeout=7200, deferrable=False)", True),
        ("PythonSensor(task_id='a', python_callable=print, timeout=7200)", True),
    ],
)
def test_sensors_defer_if_the_option_says_so(text: str, is_told: bool) -> None:
    environment = EnvironmentFacts.of("mw1.small", {"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"})
    assert rules_of(SENSORS + text, environment) == ["sensor-holds-slot"] * is_told


@pytest.mark.parametrize(
    ("name", "variables", "words"),
    [
        ("mw1.large", {"AIRFLOW__CELERY__WORKER_AUTOSCALE": "20,0"}, "A worker of mw1.large has 20 slots"),
        ("mw1.small", {"AIRFLOW__CELERY__WORKER_AUTOSCALE": "3,3"}, "A worker of mw1.small has 3 slots"),
        ("mw1.small", {}, "A worker of mw1.small has 5 slots"),
    ],
)
def test_slots_are_those_of_the_environment(name: str, variables: Mapping[str, str], words: str) -> None:
    [finding] = found(f"{SENSORS}PythonSensor(task_id='a', timeout=7200)\n", EnvironmentFacts.of(name, variables))
    assert words in finding.why


@pytest.mark.parametrize(("module", "is_told"), [("team", False), ("airflow.decorators", False)])
def test_function_under_a_decorator_of_ones_own_may_be_a_task(module: str, is_told: bool) -> None:
    assert rules_of(OWN_TASK.format(module=module)) == ["variable-at-top-level"] * is_told


@pytest.mark.parametrize(
    ("decorator", "is_told"),
    [("", True), ("@functools.cache\n", True), ("@staticmethod\n", True), ("@timed\n", False), ("@team.task\n", False)],
)
def test_function_that_the_top_level_calls_is_told_of_unless_a_decorator_is_unknown(
    decorator: str, is_told: bool
) -> None:
    text = (
        "import functools\nimport team\nfrom team import timed\nfrom airflow.models import Variable\n"
        f"{decorator}def token():\n    return Variable.get('token')\ntoken()\n"
    )
    assert rules_of(text) == ["variable-at-top-level"] * is_told


@pytest.mark.parametrize(
    ("path", "is_told"),
    [
        ("~/dags/sql/a.sql", False),
        ("~/plugins", False),
        ("~/config/a.yaml", False),
        ("~/dagsters/a.sql", True),
        ("~/Downloads/a.csv", True),
    ],
)
def test_home_is_airflows_home_on_mwaa(path: str, is_told: bool) -> None:
    assert (
        rules_of(f"import os\nSQL = open(os.path.expanduser({path!r})).read()\n") == ["hard-coded-local-path"] * is_told
    )


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        (
            "ON_MWAA, ON_LAPTOP = Path('/usr/local/airflow/dags/sql'), Path('/opt/airflow/dags/sql')\n"
            "SQL = ON_MWAA if ON_MWAA.exists() else ON_LAPTOP\n",
            False,
        ),
        (
            "ON_MWAA = Path('/usr/local/airflow/dags/sql')\nON_LAPTOP = Path('/opt/airflow/dags/sql')\n"
            "SQL = ON_MWAA if ON_MWAA.exists() else ON_LAPTOP\n",
            False,
        ),
        ("SQL = next(p for p in ('/usr/local/airflow/sql', '/home/ana/sql') if os.path.isdir(p))\n", False),
        ("SQL = {'mwaa': '/usr/local/airflow/sql', 'laptop': '/home/ana/sql'}[STAGE]\n", False),
        ("SQL = next(p for p in ('/srv/sql', '/home/ana/sql'))\n", True),
        ("ON_LAPTOP = Path('/opt/airflow/dags/sql')\nSQL = open(ON_LAPTOP)\n", True),
    ],
)
def test_other_branch_of_a_choice_with_mwaas_path_is_passed_over(text: str, is_told: bool) -> None:
    assert rules_of(f"import os\nfrom pathlib import Path\n{text}") == ["hard-coded-local-path"] * is_told


def test_hook_that_asks_its_own_service_is_not_called_a_query_of_the_database() -> None:
    hook = "from airflow.providers.google.cloud.hooks.gcs import GCSHook\nSIZE = GCSHook().get_size('b', 'o')\n"
    [finding] = found(hook)
    assert (finding.rule, finding.what) == (
        "variable-at-top-level",
        "GCSHook().get_size() is called each time the file is loaded",
    )
    assert "metadata database" not in finding.why
    assert "its service" in finding.why
    [finding] = found("from airflow.hooks.base import BaseHook\nC = BaseHook.get_connection('db')\n")
    assert "metadata database" in finding.why


@pytest.mark.parametrize(("version", "is_told"), [("2.11.0", True), ("3.2.1", False)])
def test_session_that_airflow_3_refuses_is_left_to_the_import(version: str, is_told: bool) -> None:
    text = "from airflow import settings\nSESSION = settings.Session()\n"
    source = Source.parse(text.encode(), "dags/a.py", Release.load(version))
    assert source is not None
    assert bool(findings(source, RULES)) is is_told
