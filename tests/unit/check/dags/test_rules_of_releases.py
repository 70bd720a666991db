"""What rules say differs between releases, and with what stands beside."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import xform_name

from mwaa_local.check.dags.rules import ecs_argument_in_camel_case
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import BY_ID, OLD, OLDEST, found

DAG_FILE = """\
from airflow import DAG
from airflow.operators.bash import BashOperator

default_args = {DEFAULT_ARGS}
with DAG("a", default_args=default_args):
    pass
"""


def in_default_args(text: str, version: str) -> Finding:
    [finding] = found(DAG_FILE.replace("{DEFAULT_ARGS}", text), version)
    return finding


@pytest.mark.parametrize(
    ("version", "outcome"),
    [(LATEST, "the DAG has no schedule and only runs when triggered"), (OLD, "the DAG runs daily")],
)
def test_schedule_in_default_args_says_what_the_dag_does_instead(version: str, outcome: str) -> None:
    finding = in_default_args('{"schedule": "@weekly"}', version)
    assert finding.what == f"schedule in default_args has no effect: {outcome}"
    assert (finding.severity, finding.line) == (WARNING, 4)


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        (LATEST, "without it, Airflow 3 does not catch up on past runs"),
        (OLD, "without it, Airflow 2 runs the DAG for every interval since its start_date"),
    ],
)
def test_catchup_in_default_args_says_what_the_default_is(version: str, outcome: str) -> None:
    assert in_default_args('{"catchup": False}', version).what == f"catchup in default_args has no effect: {outcome}"


def test_schedule_that_the_dag_has_too_is_only_said_to_have_no_effect() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"schedule": "@daily"}').replace('"a",', '"a", schedule="@daily",')
    assert [item.what for item in found(text)] == ["schedule in default_args has no effect"]
    text = text.replace("schedule", "catchup")
    assert [item.what for item in found(text)] == ["catchup in default_args has no effect"]


def test_schedule_beside_another_argument_of_the_dag_is_still_missing() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"tags": ["a"], "catchup": True}').replace('"a",', '"a", schedule=None,')
    assert sorted(item.what for item in found(text)) == [
        "catchup in default_args has no effect: without it, Airflow 3 does not catch up on past runs",
        "tags in default_args has no effect",
    ]


def test_concurrency_is_hinted_at_by_the_name_it_has_now() -> None:
    assert "max_active_tasks=" in in_default_args('{"concurrency": 1}', LATEST).hint
    assert "concurrency=" in in_default_args('{"concurrency": 1}', "2.0.2").hint


def test_deferrable_is_only_hinted_at_where_there_is_a_triggerer() -> None:
    text = "from airflow.sensors.python import PythonSensor\nPythonSensor(task_id='a', python_callable=print)\n"
    [new], [old] = found(text), found(text, "2.0.2")
    assert "deferrable=True" in new.hint
    assert "deferrable" not in old.hint
    assert new.what == "PythonSensor holds a worker slot while it waits, for up to 7 days, the default"


@pytest.mark.parametrize(
    ("call", "template"),
    [
        ("Variable.get('a')", "{{ var.value.a }}"),
        ("Variable.get('a', deserialize_json=True)", "{{ var.json.a }}"),
        ("Variable.get('a', deserialize_json=False)", "{{ var.value.a }}"),
        ("Variable.get('a-b')", "{{ var.value.get('a-b') }}"),
        ("Variable.get(open('a').read())", "{{ var.value.NAME }}"),
        ("BaseHook.get_connection('a')", "{{ conn.a.host }}"),
        ("BaseHook.get_connection(conn_id='a-b')", "{{ conn.get('a-b').host }}"),
        ("BaseHook.get_connection(open('a').read())", "{{ conn.NAME.host }}"),
    ],
)
def test_fetch_at_top_level_is_a_note_with_the_template_that_gives_the_same(call: str, template: str) -> None:
    [item] = found(f"from airflow.hooks.base import BaseHook\nfrom airflow.models import Variable\n{call}\n", "2.10.3")
    assert (item.rule, item.severity) == ("variable-at-top-level", NOTE)
    assert template in item.hint


def test_reason_on_default_args_is_of_the_generation() -> None:
    old, new = (in_default_args('{"catchup": False}', version).why for version in ("2.10.3", LATEST))
    assert ("airflow.sdk" in old, "airflow.models" in old) == (False, True)
    assert ("airflow.sdk" in new, "airflow.models" in new) == (True, False)


def test_advice_is_of_what_the_release_has() -> None:
    connection = "from airflow.hooks.base import BaseHook\nBaseHook.get_connection('a')\n"
    [new], [old] = found(connection, "2.2.2"), found(connection, "2.0.2")
    assert "{{ conn.a.host }}" in new.hint
    assert old.hint == "call it within the task"
    long = (
        "from datetime import timedelta\nfrom airflow.operators.bash import BashOperator\n"
        "BashOperator(task_id='a', bash_command='b', execution_timeout=timedelta(days=1))\n"
    )
    [new], [old] = found(long), found(long, "2.0.2")
    assert "deferrable=True" in new.hint
    assert "deferrable" not in old.hint


def test_long_timeout_of_default_args_is_reported_at_the_sensor_that_has_it() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"timeout": 24 * 60 * 60}').replace(
        "    pass", "    S3KeySensor(task_id='a')"
    )
    [finding] = found(f"from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor\n{text}")
    assert (finding.rule, finding.line) == ("sensor-holds-slot", 7)
    assert finding.what.endswith("for up to 1 day")


def test_queue_named_default_is_the_environments_own_on_airflow_3_only() -> None:
    text = "from airflow.models import BaseOperator\nBaseOperator(task_id='a', queue='default')\n"
    assert found(text) == ()
    [finding] = found(text, OLD)
    assert finding.severity == ERROR
    assert finding.what == "BaseOperator sends tasks to the queue 'default', which MWAA does not have"


def test_camel_case_is_an_error_but_for_airflow_1_which_only_warns() -> None:
    text = (
        "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a', launchType='EC2')\n"
    )
    assert [item.severity for item in found(text)] == [ERROR]
    assert [item.severity for item in found(text, OLDEST)] == [WARNING]


def test_versions_of_a_dag_are_spoken_of_on_airflow_3_only() -> None:
    text = BY_ID["start-date-at-parse-time"].bad
    assert "version of the DAG" in found(text)[0].why
    assert "version of the DAG" not in found(text, OLD)[0].why


def test_names_of_ecs_are_those_of_its_api() -> None:
    """Source: botocore's service model of ECS, whose xform_name is how Airflow spells arguments too."""
    shape = botocore.session.get_session().get_service_model("ecs").operation_model("RunTask").input_shape
    assert shape is not None
    top, inner = set(shape.members), set[str]()
    waiting = [shape.members[name] for name in top]
    while waiting:
        member = waiting.pop()
        inner |= set(getattr(member, "members", {}))
        waiting += [*getattr(member, "members", {}).values(), *([member.member] if member.type_name == "list" else [])]
    snake = ecs_argument_in_camel_case._TO_SNAKE
    assert {name: right for name, right in snake.items() if name in top} == {
        name: xform_name(name) for name in snake if name != "containerOverrides"
    }
    assert set(ecs_argument_in_camel_case._ABSENT) <= top
    assert set(ecs_argument_in_camel_case._TO_CAMEL.values()) <= inner
    assert {right: name for name, right in ecs_argument_in_camel_case._TO_CAMEL.items()}["awsvpcConfiguration"] == (
        "awsvpc_configuration"
    )


@pytest.mark.parametrize(
    ("path", "is_below"), [("dags/a.py", False), ("dags/team/a.py", True), ("dags/team/sub/a.py", True)]
)
def test_folder_above_the_file_is_below_dags_if_the_file_is_deep_enough(path: str, is_below: bool) -> None:
    text = "from pathlib import Path\n(Path(__file__).parents[1] / 'x').write_text('')\n"
    assert bool(found(text, path=path)) is is_below


def test_local_paths_of_one_command_are_reported_one_by_one() -> None:
    text = (
        "from airflow.operators.bash import BashOperator\n"
        "BashOperator(task_id='a', bash_command='cp /home/ana/a.csv /root/b.csv; cp /home/ana/a.csv /tmp')\n"
    )
    assert [item.what for item in found(text)] == [
        "the path /home/ana/a.csv does not exist on MWAA",
        "the path /root/b.csv does not exist on MWAA",
    ]
