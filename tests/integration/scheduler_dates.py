"""Run by a release's interpreter: the dates of ours and those of its scheduler, case by case.

    python scheduler_dates.py GUEST_DIR CASES

Answers in JSON, case -> `ours`, `before` and `after` (the scheduler's, asked twice: ours lie between, as the clock
goes on), `same` (ours for the date that the scheduler has) and `off` (for one a little later). A case is left out where
the release does not know what it is about. Runs on Python 3.7 and Airflow 1.10 too.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

sys.path.insert(0, sys.argv[1])
import dag_dates  # type: ignore[import-not-found]
import pendulum  # type: ignore[import-not-found]

sys.path.pop(0)
from airflow import DAG  # type: ignore[import-not-found]

BEGAN = pendulum.now("UTC").replace(second=0, microsecond=0)
dag_dates.MOST_STEPS = 400  # fewer than the runs of some cases, which so are found another way
MOST_RUNS = 80  # that 1.10 has to make, in a database; a case that needs more is left out there
OFF = timedelta(microseconds=77)
# Where names are, newest release first.
PLACES = {
    "BashOperator": ("providers.standard.operators.bash", "operators.bash", "operators.bash_operator"),
    "CronTriggerTimetable": ("timetables.trigger",),
    "MultipleCronTriggerTimetable": ("timetables.trigger",),
    "DeltaTriggerTimetable": ("timetables.trigger",),
    "CronDataIntervalTimetable": ("timetables.interval",),
    "DeltaDataIntervalTimetable": ("timetables.interval",),
    "EventsTimetable": ("timetables.events",),
    "AssetOrTimeSchedule": ("timetables.assets",),
    "Asset": ("sdk",),
    "DagSerialization": ("serialization.serialized_objects",),
    "SerializedDAG": ("serialization.serialized_objects",),
}


class TooMany(Exception):
    """The scheduler would have to make too many runs."""


def place(name: str) -> Any:
    for module in PLACES[name]:
        try:
            return getattr(importlib.import_module(f"airflow.{module}"), name)
        except (ImportError, AttributeError):
            continue
    return None


def zoned(zone: str, *parts: Any) -> Any:
    return pendulum.instance(datetime(*parts), tz=zone)  # noqa: DTZ001 - pendulum gives it the zone


def pendulum_utc(*parts: int) -> Any:
    return zoned("UTC", *parts)


def names() -> dict[str, Any]:
    from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]

    known = {name: place(name) for name in PLACES}
    try:
        from airflow import plugins_manager

        getattr(plugins_manager, "ensure_plugins_loaded", int)()  # which imports the module once more
        from own_timetables import EveryFifthDay  # type: ignore[import-not-found]

        known["EveryFifthDay"] = EveryFifthDay
    except ImportError:
        pass
    return {
        **{name: value for name, value in known.items() if value is not None},
        "datetime": pendulum_utc,
        "timedelta": timedelta,
        "relativedelta": relativedelta,
        "ago": lambda **parts: BEGAN - timedelta(**parts),
        "zone": pendulum.timezone,
        "UTC": pendulum.timezone("UTC"),
        "zoned": zoned,
    }


def make_tables() -> None:
    import airflow.models  # type: ignore[import-not-found]
    from airflow import settings

    settings.initialize()
    airflow.models.base.Base.metadata.create_all(settings.engine)


def dag_of(name: str, case: dict[str, str], known: dict[str, Any]) -> Any:
    """Return the DAG as the scheduler has it, None where this release knows no such schedule."""
    try:
        given = {key: eval(text, dict(known)) for key, text in case.items()}
    except NameError:
        return None
    word = "schedule"
    if word not in inspect.signature(DAG.__init__).parameters:
        schedule = given.pop("schedule")
        word = "timetable" if hasattr(schedule, "next_dagrun_info") else "schedule_interval"
        given[word] = schedule
    if word == "timetable" and word not in inspect.signature(DAG.__init__).parameters:
        return None
    given["catchup"] = case["catchup"] == "True"
    with DAG(name.replace(" ", "_").replace(",", "").replace("'", ""), **given) as dag:
        known["BashOperator"](task_id="only", bash_command="true")
    kind = known.get("DagSerialization") or known["SerializedDAG"]
    return kind.from_dict(kind.to_dict(dag))


def of_scheduler(dag: Any) -> list[Any] | None:
    """Return [logical date, start, end] of the last run that the scheduler has made by now; None if it made none.

    Where it began only now and so made none, as past the end_date, what it would have made had it always run.
    """
    if not hasattr(dag, "timetable"):
        return before_timetables(dag) or always_before_timetables(dag)
    info = last_due(dag, dag._time_restriction) or last_due(dag, dag._time_restriction._replace(catchup=True))
    return None if info is None else [info.data_interval.start, info.data_interval.start, info.data_interval.end]


def last_due(dag: Any, limits: Any) -> Any:
    found, info = None, following(dag, None, limits)
    while info is not None and info.run_after <= dag_dates.utcnow():
        if found is not None and info.run_after <= found.run_after:
            break
        found, info = info, following(dag, info, limits)
        if getattr(dag.timetable, "active_runs_limit", None) == 1:
            break
    return found


def following(dag: Any, info: Any, limits: Any) -> Any:
    if hasattr(dag.timetable, "next_dagrun_info_v2"):
        return dag.timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=limits)
    interval = None if info is None else info.data_interval
    return dag.timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=limits)


def before_timetables(dag: Any) -> list[Any] | None:
    runs = list(runs_of_2_0(dag) if hasattr(dag, "next_dagrun_after_date") else runs_of_1_10(dag))
    return [runs[-1]] if runs else None


def always_before_timetables(dag: Any) -> list[Any] | None:
    catchup, dag.catchup = dag.catchup, True
    try:
        return before_timetables(dag)
    finally:
        dag.catchup = catchup


def runs_of_2_0(dag: Any) -> Iterator[Any]:
    """Yield the dates of the runs that `SchedulerJob._create_dag_runs` would make by now."""
    start_date, date = dag.start_date, None
    while True:
        date, due = dag.next_dagrun_info(date)
        dag.start_date = start_date  # which that moves
        if date is None or due > dag_dates.utcnow():
            return
        yield date


def runs_of_1_10(dag: Any) -> Iterator[Any]:
    """Let the scheduler make runs, one after the other, and yield their dates."""
    from airflow.jobs import SchedulerJob  # type: ignore[import-not-found]
    from airflow.models import DagRun
    from airflow.utils.db import create_session  # type: ignore[import-not-found]

    with create_session() as session:
        session.query(DagRun).filter(DagRun.dag_id == dag.dag_id).delete()
    job, start_date = SchedulerJob(), dag.start_date
    for _ in range(MOST_RUNS):
        with create_session() as session:
            run = job.create_dag_run(dag, session=session)
            dag.start_date = start_date  # which that moves
            if run is None:
                return
            run = session.query(DagRun).filter(DagRun.dag_id == dag.dag_id, DagRun.run_id == run.run_id).one()
            run.state = "success"  # for the next one to come
            date = run.execution_date
        yield date
    raise TooMany


def written(dates: Any) -> list[str]:
    """Return [kind, logical date, start, end]."""
    return [dates.kind, *map(dag_dates.written, (dates.logical, *(dates.interval or ())))]


def asked(dag: Any, given: str) -> list[str]:
    try:
        dates = dag_dates.dates_of(dag, given)
        assert dates.logical + dag_dates.SHIFT > dates.logical, "which is done where a date is taken"
        return written(dates)
    except (dag_dates.NotDue, dag_dates.Refused) as error:
        return [type(error).__name__, str(error)]


def texts(dates: list[Any]) -> list[str]:
    return [dag_dates.written(pendulum.instance(date)) for date in dates]


def is_same(before: list[Any] | None, ours: list[str]) -> bool:
    return before is not None and texts(before) == ours[1:]


def compared(dag: Any) -> dict[str, Any]:
    try:
        before, ours = of_scheduler(dag), asked(dag, "")
        after = before if is_same(before, ours) else of_scheduler(dag)
    except TooMany:
        return {}
    answer: dict[str, Any] = {"ours": ours}
    for name, dates in (("before", before), ("after", after)):
        answer[name] = None if dates is None else texts(dates)
    if before is not None:
        answer["same"] = asked(dag, before[0].isoformat())
        answer["off"] = asked(dag, (datetime.fromisoformat(answer["before"][0]) + OFF).isoformat())
    return answer


def main() -> None:
    if importlib.import_module("airflow").__version__.startswith("1."):
        make_tables()
    known = names()
    dags = {name: dag_of(name, case, known) for name, case in json.loads(sys.argv[2]).items()}
    found = {name: compared(dag) for name, dag in dags.items() if dag is not None}
    found = {name: answer for name, answer in found.items() if answer}
    sys.stdout.write("FOUND " + json.dumps(found) + "\n")


main()
