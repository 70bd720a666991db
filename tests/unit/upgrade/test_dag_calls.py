"""What the source of a file shows of its DAGs' schedules and catchup."""

from __future__ import annotations

import pytest

from mwaa_local.check.dags.source import Source
from mwaa_local.release import Release
from mwaa_local.upgrade.dag_calls import KINDS, DagCall, Schedule, dag_calls

IMPORTS = (
    "from datetime import timedelta; import datetime, pendulum; from airflow import DAG; from airflow.sdk import dag\n"
)


def calls_of(text: str, imports: str = IMPORTS) -> list[DagCall]:
    source = Source.parse((imports + text).encode(), "dags/a.py", Release.load("2.11.2"))
    assert source is not None
    return list(dag_calls(source))


def kinds_of(call: DagCall, daily: bool) -> set[str]:
    return {kind for kind, is_meant in KINDS.items() if is_meant(call, daily)}


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        ("", Schedule.ABSENT),
        ("schedule=None", Schedule.NONE),
        ("schedule='@once'", Schedule.NONE),
        ("schedule='@daily'", Schedule.CRON),
        ("schedule_interval='0 3 * * *'", Schedule.CRON),
        ("schedule=f'0 {hour} * * *'", Schedule.CRON),
        ("schedule=f'@{word}'", Schedule.UNKNOWN),  # it may be @once
        ("schedule='0 3 * * ' + day", Schedule.CRON),
        ("schedule=EVERY_DAY", Schedule.CRON),
        ("schedule=EITHER", Schedule.UNKNOWN),
        ("schedule=ANNOTATED", Schedule.NONE),
        ("schedule=timedelta(days=1)", Schedule.DELTA),
        ("schedule=datetime.timedelta(days=1) * 2", Schedule.DELTA),
        ("schedule=pendulum.duration(days=1)", Schedule.DELTA),
        ("schedule=[Asset('a')]", Schedule.OTHER),
        ("schedule=[Asset(name) for name in names]", Schedule.OTHER),
        ("schedule={*ASSETS}", Schedule.OTHER),
        ("schedule=ASSETS + [Asset('a')]", Schedule.UNKNOWN),
        ("schedule=[*ASSETS, *others]", Schedule.OTHER),
        ("schedule=Asset('a') | Asset('b')", Schedule.UNKNOWN),
        ("schedule=Dataset('a')", Schedule.OTHER),
        ("timetable=MyTimetable()", Schedule.TIMETABLE),
        ("timetable=NullTimetable()", Schedule.NONE),
        ("timetable=AssetTriggeredTimetable(assets)", Schedule.OTHER),
        ("schedule=CronTriggerTimetable('0 3 * * *', timezone='UTC')", Schedule.TIMETABLE),
        ("schedule=AssetOrTimeSchedule(timetable=when, assets=[a])", Schedule.TIMETABLE),
        ("schedule=DatasetOrTimeSchedule(timetable=when, datasets=[a])", Schedule.TIMETABLE),
        ("schedule=settings['when']", Schedule.UNKNOWN),
        ("schedule=Settings.when", Schedule.UNKNOWN),
        ("schedule=Variable.get('when')", Schedule.UNKNOWN),
        ("schedule=IMPORTED", Schedule.UNKNOWN),
        ("schedule=EVERY_DAY if fast else None", Schedule.UNKNOWN),
        ("**ARGUMENTS", Schedule.CRON),
        ("**TYPED", Schedule.DELTA),
        ("**{'schedule': None}", Schedule.NONE),
        ("**{**ARGUMENTS, 'schedule': None}", Schedule.NONE),
        ("'about', schedule='@daily'", Schedule.CRON),
    ],
)
def test_schedule_is_what_the_arguments_say(given: str, schedule: Schedule) -> None:
    named = (
        "from datasets import IMPORTED; EITHER = None; EITHER = '@daily'; EVERY_DAY = '@daily'; ASSETS = [Asset('a')]; "
        "ANNOTATED: str | None = None\n"
        "ARGUMENTS = dict(schedule=EVERY_DAY); TYPED: dict[str, object] = {'schedule': timedelta(1)}\n"
    )
    [call] = calls_of(f"{named}DAG('a', {given})\n")
    assert (call.schedule, call.line, call.has_rest) == (schedule, 4, False)


@pytest.mark.parametrize(
    "text",
    [
        "def f(schedule):\n    schedule = schedule + ' * * *'\n    DAG('a', schedule=schedule)\n",
        "def f():\n    schedule = schedule + later\n    DAG('a', schedule=schedule)\n",
        "a = b + ''; b = a + ''\nDAG('a', schedule=a)\n",
        "a = a + a\nDAG('a', schedule=a)\n",
        "a = a * a\nDAG('a', schedule=a)\n",
        "a = b; b = a\nDAG('a', schedule=a)\n",
        "a = {**a, **a}\nDAG('a', **a)\n",
        "for schedule in (None, '@daily'):\n    DAG('a', schedule=schedule)\n",
        "def f(schedule='@daily'):\n    DAG('a', schedule=schedule)\n",
    ],
)
def test_schedule_that_depends_on_itself_or_varies_is_none_to_tell_of(text: str) -> None:
    [call] = calls_of(text)
    assert kinds_of(call, daily=True) == set()


def test_cron_expression_is_known_by_its_end() -> None:
    [call] = calls_of("def f():\n    schedule = schedule + ' * * *'\n    DAG('a', schedule=schedule)\n")
    assert call.schedule is Schedule.CRON


@pytest.mark.parametrize(
    "given", ["**arguments", "**load()", "**{**other}", "'about', '@daily'", "*given", "**{'schedule': '@daily', **b}"]
)
def test_arguments_that_the_source_does_not_show_are_known_to_be_there(given: str) -> None:
    [call] = calls_of(f"DAG('a', {given})")
    assert call.has_rest
    assert kinds_of(call, daily=True) == set()


@pytest.mark.parametrize(
    "text",
    [
        "kw = {'a': 1}; kw['schedule'] = None\nDAG('a', **kw)\n",
        "kw = {'a': 1}; kw.update(schedule=None)\nDAG('a', **kw)\n",
        "kw = {'a': 1}; kw.setdefault('schedule', None)\nDAG('a', **kw)\n",
        "kw = {'schedule': '@daily'}; kw.pop('schedule')\nDAG('a', **kw)\n",
        "kw = {'schedule': '@daily'}; del kw['schedule']\nDAG('a', **kw)\n",
        "kw = {'a': 1}; kw |= {'schedule': None}\nDAG('a', **kw)\n",
        "base = {'a': 1}; base['schedule'] = None; kw = {**base}\nDAG('a', **kw)\n",
        "kw = {'a': 1}\nfill(kw)\nDAG('a', **kw)\n",
        "kw = {'a': 1}; other = kw; other['schedule'] = None\nDAG('a', **kw)\n",
        "kw = {'a': 1}\nfor kw in CONFIGS:\n    DAG('a', **kw)\n",
        "def f(kw={}):\n    DAG('a', **kw)\n",
        "dag = DAG('a', start_date=START)\ndag.catchup = False\n",
    ],
)
def test_arguments_that_are_built_up_are_not_taken_for_all(text: str) -> None:
    [call] = calls_of(text)
    assert call.has_rest
    assert kinds_of(call, daily=True) == set()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("from airflow import models\nmodels.DAG('a')\n", [2]),
        ("from airflow import DAG as D\nD('a')\n", [2]),
        ("from airflow.models.dag import DAG\nDAG('a')\n", [2]),
        ("from airflow.sdk import DAG\nDAG('a')\n", [2]),
        ("try:\n    from airflow.sdk import DAG\nexcept ImportError:\n    from airflow import DAG\nDAG('a')\n", [5]),
        ("from airflow.decorators import dag\n@dag\ndef a(): ...\n", [2]),
        ("from airflow.decorators import dag as adag\n@adag(schedule=None)\ndef a(): ...\n", [2]),
        ("import airflow.decorators\n@airflow.decorators.dag(schedule=None)\ndef a(): ...\n", [2]),
        ("from airflow.models import DagBag\n# DAG('a')\n'''DAG('a')'''\nDagBag('a')\ndag('a')\n", []),
        ("from airflow import DAG\nDAG('b')\nfor name in names:\n    with DAG(name):\n        pass\n", [2, 4]),
        ("from causal import DAG\nDAG('a')\n", []),
        ("from my_plugin.dags import DAG, dag\nDAG('a')\n@dag\ndef a(): ...\n", []),
        ("from .base import DAG\nDAG('a')\n", []),
        ("from airflow import models\nclass DAG(models.DAG): ...\nDAG('a')\n", []),
        ("from cosmos import DbtDag\nDbtDag(dag_id='a')\n", []),
    ],
)
def test_dags_are_found_where_airflows_own_class_makes_them(text: str, lines: list[int]) -> None:
    assert [call.line for call in calls_of(text, imports="")] == lines


@pytest.mark.parametrize(
    ("given", "daily", "kinds"),
    [
        ("schedule='@daily'", False, {"without catchup", "cron"}),
        ("schedule='@daily', catchup=False", False, {"cron"}),
        ("schedule=timedelta(1)", False, {"without catchup", "delta"}),
        ("schedule=None", False, set()),
        ("schedule=[a]", False, set()),
        ("schedule=EveryFridayTimetable()", False, {"without catchup"}),
        ("schedule=AssetOrTimeSchedule(timetable=when, assets=[a])", False, {"without catchup"}),
        ("schedule=when()", False, set()),  # nobody can tell
        ("schedule=pendulum.duration(days=1)", False, {"without catchup", "delta"}),
        ("schedule='@daily', **more", False, {"cron"}),
        ("", False, {"without schedule"}),
        ("'about'", False, {"without schedule"}),
        ("", True, {"without catchup", "without schedule"}),
    ],
)
def test_dag_is_of_the_kinds_that_a_change_is_about(given: str, daily: bool, kinds: set[str]) -> None:
    [call] = calls_of(f"DAG('a', {given})")
    assert kinds_of(call, daily) == kinds
