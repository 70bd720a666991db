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
from typing import Any

from dag_dates import ASSET, NotDue, Refused, dates_of, free, written  # type: ignore[import-not-found]
from dag_run_script import consume, events_of, new_session, with_events  # type: ignore[import-not-found]
from dag_test_secrets import answer_imports, answer_no_more  # type: ignore[import-not-found]

# Where the scheduler's kind of DAG is: since Airflow 3.1, and before.
DAG_CLASSES = (("airflow.serialization.definitions.dag", "SerializedDAG"), ("airflow.models.dag", "DAG"))


def adopt(given: str) -> None:
    """Have the run that `dags test` makes get these dates, and its DAG files what the database holds."""
    answer_imports()
    dag_class = scheduler_dag()
    if hasattr(dag_class, "test") or not hasattr(dag_class, "run"):  # since Airflow 2.5
        replace(dag_class, "create_dagrun", given, run_values)
    else:
        replace(dag_class, "clear", given, range_values)
        replace(dag_class, "run", given, range_values)


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
        values, events = values_of(dag, given, more)
        made = original(dag, *args, **{**more, **{key: value for key, value in values.items() if key in known}})
        if events:
            consume(made, events, more["session"])
        return made

    setattr(dag_class, name, with_values)


def run_values(dag: Any, given: str, more: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return what `create_dagrun` is to get, and the asset events of the run."""
    session = more["session"]
    dates = chosen(dag, given, session)
    events = events_of(dag, session) if dates.kind == ASSET else []
    dates = with_events(dag, dates, events)
    tell(dates)
    values = {"logical_date": dates.logical, "execution_date": dates.logical, "data_interval": dates.interval}
    return values, events


def range_values(dag: Any, given: str, _more: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return the range of dates, which is one date, for which Airflow before 2.5 clears and runs the DAG."""
    if not hasattr(dag, "mwaa_local_dates"):
        with new_session() as session:
            dag.mwaa_local_dates = chosen(dag, given, session)
        tell(dag.mwaa_local_dates)
    date = dag.mwaa_local_dates.logical
    return {"start_date": date, "end_date": date}, []


def chosen(dag: Any, given: str, session: Any) -> Any:
    try:
        return free(dag, dates_of(dag, given), session)
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
    adopt(given)
    from airflow.__main__ import main as airflow  # type: ignore[import-not-found]

    return airflow()


if __name__ == "__main__":
    sys.exit(main())
