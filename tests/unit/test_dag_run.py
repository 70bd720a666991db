"""What is asked of the program that makes a DAG run, and what is made of its answer."""

from __future__ import annotations

import json

import pytest

from mwaa_local.dag_run import NO_DATE, RunDates, WantedRun, read_answer
from mwaa_local.errors import DagNotDue, DagRunFailed
from mwaa_local.guest import dag_dates

MIDNIGHT, NEXT = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
MADE = {"kind": "scheduled", "logical_date": MIDNIGHT, "data_interval_start": MIDNIGHT, "data_interval_end": NEXT}
WANTED = WantedRun("daily", "r1", '{"a": 1}', "2026-01-01T00:00:00")


def output(**answer: object) -> str:
    """Return what the program writes, among the lines of others."""
    return f"[warning] something\n\n{dag_dates.ANSWER}{json.dumps(answer)}\nbye\n"


def test_request_has_the_configuration_as_an_object() -> None:
    assert json.loads(WANTED.request()) == {
        "dag_id": "daily",
        "run_id": "r1",
        "conf": {"a": 1},
        "date": "2026-01-01T00:00:00",
    }
    assert json.loads(WantedRun("daily", "r1").request())["conf"] is None


def test_answer_has_the_dates_of_the_run() -> None:
    dates = read_answer(WANTED, 0, output(outcome="made", note="first", **MADE))
    assert dates == RunDates(MIDNIGHT, MIDNIGHT, NEXT, "first")
    assert dates.line() == f"logical date {MIDNIGHT}, data interval {MIDNIGHT} to {NEXT} (first)"
    assert dates.plain() == {
        "logical_date": MIDNIGHT,
        "data_interval_start": MIDNIGHT,
        "data_interval_end": NEXT,
        "dates_note": "first",
    }


def test_interval_of_no_length_is_not_shown() -> None:
    assert RunDates(MIDNIGHT, MIDNIGHT, MIDNIGHT).line() == f"logical date {MIDNIGHT}"


def test_run_without_a_date_says_so() -> None:
    assert RunDates().line() == "no logical date"
    assert RunDates().plain()["logical_date"] is None


def test_dag_that_is_not_due_is_a_failure_of_its_own() -> None:
    with pytest.raises(DagNotDue) as caught:
        read_answer(WANTED, 0, output(outcome="not due", why="its start_date is 2030"))
    assert (caught.value.what, caught.value.why) == ("daily cannot run yet", "its start_date is 2030")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "why", "hint"),
    [
        (WANTED, "it is in the future", "name another --logical-date, or leave it out"),
        (WantedRun("daily", "r1"), "Airflow does not know daily any more", "mwaa-local check dags"),
        (WantedRun("daily", "r1", date=NO_DATE), "AirflowException: no", "mwaa-local check dags"),
        (WANTED, "ParamValidationError: Invalid input for param day", "pass values of the DAG's params"),
    ],
)
def test_refusal_has_airflows_reason(wanted: WantedRun, why: str, hint: str) -> None:
    with pytest.raises(DagRunFailed) as caught:
        read_answer(wanted, 0, output(outcome="refused", why=why))
    assert (caught.value.what, caught.value.why) == ("cannot trigger daily", why)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(("exit_code", "text"), [(1, "Traceback\nBoom"), (0, "Traceback\nBoom")])
def test_program_that_gave_no_answer_shows_its_output(exit_code: int, text: str) -> None:
    with pytest.raises(DagRunFailed) as caught:
        read_answer(WANTED, exit_code, text)
    assert (caught.value.what, caught.value.why) == (f"cannot trigger daily: exit code {exit_code}", text)
