"""Run by a release's interpreter in the place of `airflow`: runs `dags test` with the dates that the run has on MWAA.

    python dag_test_dates.py DATE WORD...

DATE is one of a request to `dag_run_script`, the words are Airflow's, whose own date then means nothing. Its DAG files
find the Variables and Connections of the metadata database. Runs on Python 3.7 and Airflow 2.0 too.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from datetime import timedelta
from typing import Any

from dag_dates import (  # type: ignore[import-not-found]
    ASSET,
    SCHEDULED,
    SHIFT,
    Dates,
    NotDue,
    Refused,
    dates_of,
    free,
    run_model,
    written,
)
from dag_run_script import consume, events_of, new_session, with_events  # type: ignore[import-not-found]
from dag_test_interruption import ended_by_interrupt  # type: ignore[import-not-found]
from dag_test_secrets import answer_imports, answer_no_more  # type: ignore[import-not-found]

# Where the scheduler's kind of DAG is: since Airflow 3.1, and before.
DAG_CLASSES = (("airflow.serialization.definitions.dag", "SerializedDAG"), ("airflow.models.dag", "DAG"))


A_LITTLE = timedelta(seconds=1)  # a test of the same date is one microsecond later than the one before


class Made:
    """The runs that were made with dates of the schedule: (DAG id, run id); `as_range` before Airflow 2.5."""

    as_range = False
    is_over = False  # runs that are made after that are triggered by tasks, and none of ours
    runs: list[tuple[str, str]] = []  # noqa: RUF012 - there is one


def adopt(given: str) -> None:
    """Have the run that `dags test` makes get these dates, and its DAG files what the database holds."""
    answer_imports()
    dag_class = scheduler_dag()
    Made.as_range = not hasattr(dag_class, "test") and hasattr(dag_class, "run")
    if Made.as_range:
        replace(dag_class, "clear", given, range_values)
        replace(dag_class, "run", given, range_values)
        replace(dag_class, "create_dagrun", given, interval_values)
    else:
        replace(dag_class, "create_dagrun", given, run_values)


def scheduler_dag() -> Any:
    for module, name in DAG_CLASSES:
        try:
            found: Any = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        if hasattr(found, "create_dagrun"):
            return found
    raise LookupError("no class has create_dagrun")


def replace(dag_class: Any, name: str, given: str, values_of: Any) -> None:
    """Let a method of DAGs take values of ours in the place of some of its own."""
    original = getattr(dag_class, name)
    known = set(inspect.signature(original).parameters)

    @functools.wraps(original)
    def with_values(dag: Any, *args: Any, **more: Any) -> Any:
        answer_no_more()
        if Made.is_over:
            return original(dag, *args, **more)
        values, dates, events = values_of(dag, given, more)
        made = original(dag, *args, **{**more, **{key: value for key, value in values.items() if key in known}})
        if name == "create_dagrun":
            Made.is_over = True
            if dates.kind == SCHEDULED and dates.logical:
                Made.runs.append((dag.dag_id, made.run_id))
        if events:
            consume(made, events, more["session"])
        return made

    setattr(dag_class, name, with_values)


def run_values(dag: Any, given: str, more: dict[str, Any]) -> tuple[dict[str, Any], Any, list[Any]]:
    """Return what `create_dagrun` is to get, the dates, and the asset events of the run."""
    session = more["session"]
    dates = chosen(dag, given, session)
    events = events_of(dag, session) if dates.kind == ASSET else []
    dates = with_events(dag, dates, events)
    tell(dates)
    values = {"logical_date": dates.logical, "execution_date": dates.logical, "data_interval": dates.interval}
    return values, dates, events


def range_values(dag: Any, given: str, _more: dict[str, Any]) -> tuple[dict[str, Any], Any, list[Any]]:
    """Return the range of dates, which is one date, for which Airflow before 2.5 clears and runs the DAG."""
    if not hasattr(dag, "mwaa_local_dates"):
        with new_session() as session:
            dag.mwaa_local_dates = chosen(dag, given, session)
        tell(dag.mwaa_local_dates)
    date = dag.mwaa_local_dates.logical
    admit(dag, date)
    return {"start_date": date, "end_date": date}, dag.mwaa_local_dates, []


def admit(dag: Any, date: Any) -> None:
    """Let the run of an ended DAG, which is a little later than the schedule's last one, not be after its end."""
    for item in (dag, *dag.tasks):
        if item.end_date is not None and item.end_date < date < item.end_date + A_LITTLE:
            item.end_date = date


def interval_values(dag: Any, _given: str, _more: dict[str, Any]) -> tuple[dict[str, Any], Any, list[Any]]:
    """Return the data interval, which before Airflow 2.5 would be empty for a date that is none of the schedule's."""
    dates = dag.mwaa_local_dates
    return ({"data_interval": dates.interval} if dates.interval else {}), dates, []


def leave_dates() -> None:
    """Leave the schedule's dates to the scheduler, which would take the runs of `dags test` for its own and make none.

    A run moves off its date when it is over. Before Airflow 2.5, where much else refers to the date, it has another one
    from the beginning, and only its type is changed: the scheduler goes on from the last backfill.
    """
    while Made.runs:
        dag_id, run_id = Made.runs.pop()
        with new_session() as session:
            model = run_model()
            run = session.query(model).filter(model.dag_id == dag_id, model.run_id == run_id).one_or_none()
            if run is None:
                continue
            if Made.as_range:
                run.run_type = "manual"
                continue
            name = "execution_date" if hasattr(model, "execution_date") else "logical_date"
            setattr(run, name, free(run, Dates(SCHEDULED, getattr(run, name)), session).logical)


def chosen(dag: Any, given: str, session: Any) -> Any:
    try:
        dates = dates_of(dag, given)
        if Made.as_range and dates.kind == SCHEDULED:
            note = "1 \u00b5s after the schedule's own run, which can still come"
            dates = dates._replace(logical=dates.logical + SHIFT, note=dates.note or note)
        return free(dag, dates, session)
    except (NotDue, Refused) as error:
        hint = "name another date, or set an earlier start_date in the DAG"
        sys.exit(f"error: cannot run {dag.dag_id}\n  {error}\n\nhint: {hint}")


def tell(dates: Any) -> None:
    parts = [f"logical date {written(dates.logical)}" if dates.logical else "no logical date"]
    if dates.interval and dates.interval[0] != dates.interval[1]:
        parts.append("data interval {} to {}".format(*map(written, dates.interval)))
    note = f" ({dates.note})" if dates.note else ""
    sys.stderr.write("dag run: {}{}\n".format(", ".join(parts), note))
    sys.stderr.flush()


def main() -> Any:
    given, sys.argv = sys.argv[1], ["airflow", *sys.argv[2:]]
    with ended_by_interrupt() as interruption:
        adopt(given)
        interruption.tidy = leave_dates
        from airflow.__main__ import main as airflow  # type: ignore[import-not-found]

        return airflow()


if __name__ == "__main__":
    sys.exit(main())
