"""What the source of a file shows of its DAGs' schedules and catchup."""

from __future__ import annotations

import ast

import pytest

from mwaa_local.upgrade.dag_calls import KINDS, Schedule, dag_calls


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        ("", Schedule.ABSENT),
        ("schedule=None", Schedule.NONE),
        ("schedule='@once'", Schedule.NONE),
        ("schedule='@daily'", Schedule.CRON),
        ("schedule_interval='0 3 * * *'", Schedule.CRON),
        ("schedule=f'0 {hour} * * *'", Schedule.CRON),
        ("schedule='0 3 * * ' + day", Schedule.CRON),
        ("schedule=EVERY_DAY", Schedule.CRON),
        ("schedule=EITHER", Schedule.UNKNOWN),
        ("schedule=timedelta(days=1)", Schedule.DELTA),
        ("schedule=datetime.timedelta(days=1) * 2", Schedule.DELTA),
        ("schedule=[Asset('a')]", Schedule.OTHER),
        ("schedule=Asset('a') | Asset('b')", Schedule.OTHER),
        ("schedule=Dataset('a')", Schedule.OTHER),
        ("timetable=MyTimetable()", Schedule.TIMETABLE),
        ("schedule=CronTriggerTimetable('0 3 * * *', timezone='UTC')", Schedule.TIMETABLE),
        ("schedule=settings['when']", Schedule.UNKNOWN),
        ("schedule=Variable.get('when')", Schedule.UNKNOWN),
        ("**ARGUMENTS", Schedule.CRON),
        ("**{'schedule': None}", Schedule.NONE),
    ],
)
def test_schedule_is_what_the_arguments_say(given: str, schedule: Schedule) -> None:
    named = "EITHER = None; EITHER = '@daily'; EVERY_DAY = '@daily'\nARGUMENTS = dict(schedule=EVERY_DAY)\n"
    [call] = dag_calls(ast.parse(f"{named}DAG('a', {given})\n"))
    assert (call.schedule, call.line, call.has_rest) == (schedule, 3, False)


@pytest.mark.parametrize("given", ["**arguments", "**load()", "**{**other}", "'about', '@daily'"])
def test_arguments_that_the_source_does_not_show_are_known_to_be_there(given: str) -> None:
    [call] = dag_calls(ast.parse(f"DAG('a', {given})"))
    assert call.has_rest
    assert [kind for kind, is_meant in KINDS.items() if is_meant(call, True)] == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("models.DAG('a')\n", [1]),
        ("@dag\ndef a(): ...\n", [1]),
        ("\n@airflow.decorators.dag(schedule=None)\ndef a(): ...\n", [2]),
        ("# DAG('a')\n'''DAG('a')'''\nDagBag('a')\ndag('a')\n", []),
        ("DAG('b')\nfor name in names:\n    with DAG(name):\n        pass\n", [1, 3]),
    ],
)
def test_dags_are_found_where_they_are_made(text: str, lines: list[int]) -> None:
    assert [call.line for call in dag_calls(ast.parse(text))] == lines


@pytest.mark.parametrize(
    ("given", "daily", "kinds"),
    [
        ("schedule='@daily'", False, {"without catchup", "cron"}),
        ("schedule='@daily', catchup=False", False, {"cron"}),
        ("schedule=timedelta(1)", False, {"without catchup", "delta"}),
        ("schedule=None", False, set()),
        ("schedule=[a]", False, set()),
        ("schedule=EveryFridayTimetable()", False, {"without catchup"}),
        ("schedule=when()", False, {"without catchup", "cron"}),  # most likely a text
        ("", False, {"without schedule"}),
        ("", True, {"without catchup", "without schedule"}),
    ],
)
def test_dag_is_of_the_kinds_that_a_change_is_about(given: str, daily: bool, kinds: set[str]) -> None:
    [call] = dag_calls(ast.parse(f"DAG('a', {given})"))
    assert {kind for kind, is_meant in KINDS.items() if is_meant(call, daily)} == kinds
