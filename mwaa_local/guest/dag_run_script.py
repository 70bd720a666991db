"""Run by a release's interpreter in the scheduler's environment: makes a DAG run with the dates that MWAA gives it.

    python dag_run_script.py REQUEST

REQUEST is JSON: `dag_id`, `run_id`, `conf` (an object or null) and `date`: "" for the dates that `dag_dates` finds,
NO_DATE, or a date in ISO 8601. The answer is JSON after ANSWER on a line of stdout, the one way out that there is in
every runtime. Runs on Python 3.7 and Airflow 1.10 too.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from typing import Any

if __name__ == "__main__" and "__file__" in globals():  # containers get the texts of both files
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see below

from dag_dates import (  # type: ignore[import-not-found]  # beside this file when it runs
    ANSWER,
    ASSET,
    MADE,
    MANUAL,
    NOT_DUE,
    REFUSED,
    SCHEDULED,
    Dates,
    NotDue,
    Refused,
    dates_of,
    free,
    run_model,
    utcnow,
    written,
)

if __name__ == "__main__" and "__file__" in globals():  # this folder has modules named as those of Python
    own_dir = sys.path.pop(0)
    if sys.path[:1] == [own_dir]:  # an interpreter puts it there, the fork server does not
        sys.path[0] = os.getcwd()  # noqa: PTH109 - as `python -m airflow` has it


def main() -> int:
    request = json.loads(sys.argv[1])
    try:
        answer = dict(make(request), outcome=MADE)
    except NotDue as error:
        answer = {"outcome": NOT_DUE, "why": str(error)}
    except Refused as error:
        answer = {"outcome": REFUSED, "why": str(error)}
    except Exception as error:
        if not type(error).__module__.startswith("airflow."):
            raise
        answer = {"outcome": REFUSED, "why": f"{type(error).__name__}: {error}"}  # parameters, most likely
    sys.stdout.write("\n" + ANSWER + json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 0


def make(request: dict[str, Any]) -> dict[str, Any]:
    """Make the run; return what there is to say of it. Raises NotDue, Refused, and what Airflow has against it."""
    try:
        return made(request)
    except Exception as error:
        if type(error).__name__ != "IntegrityError":
            raise
        return made(request)  # another run took the date between our look and our run; now it is there to be seen


def made(request: dict[str, Any]) -> dict[str, Any]:
    with new_session() as session:
        dag = known_dag(request["dag_id"])
        dates = free(dag, dates_of(dag, request["date"]), session)
        events = events_of(dag, session) if dates.kind == ASSET else []
        dates = with_events(dag, dates, events)
        consume(create(dag, request["run_id"], request["conf"], dates, session), events, session)
        return told(dates, events)


def told(dates: Dates, events: list[Any]) -> dict[str, Any]:
    start, end = dates.interval or (None, None)
    notes = [dates.note, *(["asset events: " + ", ".join(named(event) for event in events)] if events else [])]
    return {
        "kind": dates.kind,
        "logical_date": written(dates.logical),
        "data_interval_start": written(start),
        "data_interval_end": written(end),
        "note": "; ".join(note for note in notes if note),
    }


def known_dag(dag_id: str) -> Any:
    from airflow.models.serialized_dag import SerializedDagModel  # type: ignore[import-not-found]

    row = SerializedDagModel.get(dag_id)
    if row is None:
        raise Refused(f"Airflow does not know {dag_id} any more")
    return row.dag


def new_session() -> Any:
    try:
        from airflow.utils.session import create_session  # type: ignore[import-not-found]
    except ImportError:  # Airflow 1.10
        from airflow.utils.db import create_session  # type: ignore[import-not-found]
    return create_session()


def create(dag: Any, run_id: str, conf: Any, dates: Dates, session: Any) -> Any:
    """Make the run as the scheduler does, or the web page; it takes what this release's `create_dagrun` knows."""
    key, date = dates.partition or (None, None)
    values = {
        "run_id": run_id,
        "conf": conf,
        "state": first_state(),
        "logical_date": dates.logical,
        "execution_date": dates.logical,
        "data_interval": dates.interval,
        "run_after": dates.run_after or utcnow(),
        "external_trigger": dates.kind == MANUAL,
        "session": session,
        "partition_key": key,
        "partition_date": date,
        **kind_of_run(dates.kind),
    }
    known = inspect.signature(dag.create_dagrun).parameters
    run = dag.create_dagrun(**{name: value for name, value in values.items() if name in known})
    if run.run_id != run_id:  # Airflow 2.0, told the type of a run, makes an id of its own whichever it is given
        run.run_id = run_id
    return run


def first_state() -> Any:
    """Return the state of a run that is to begin; before Airflow 2.1 the scheduler looks only at running ones."""
    try:
        from airflow.utils.state import DagRunState  # type: ignore[import-not-found]
    except ImportError:
        return "running"
    return DagRunState.QUEUED


def kind_of_run(kind: str) -> dict[str, Any]:
    try:
        from airflow.utils.types import DagRunType  # type: ignore[import-not-found]
    except ImportError:  # Airflow 1.10
        return {}
    names = {SCHEDULED: ("SCHEDULED",), MANUAL: ("MANUAL",), ASSET: ("ASSET_TRIGGERED", "DATASET_TRIGGERED")}
    values = {"run_type": next(getattr(DagRunType, name) for name in names[kind] if hasattr(DagRunType, name))}
    try:
        from airflow.utils.types import DagRunTriggeredByType
    except ImportError:  # Airflow 2
        return values
    by = {SCHEDULED: DagRunTriggeredByType.TIMETABLE, MANUAL: DagRunTriggeredByType.UI}
    return {**values, "triggered_by": by.get(kind) or DagRunTriggeredByType.ASSET}


# Assets, which Airflow 2 calls datasets.


def events_of(dag: Any, session: Any) -> list[Any]:
    """Return an event for each asset that the DAG waits for: its newest one, or one made now where it has none."""
    try:
        from airflow.models.asset import AssetEvent as Event  # type: ignore[import-not-found]
        from airflow.models.asset import DagScheduleAssetReference as Reference

        column = "asset_id"
    except ImportError:
        from airflow.models.dataset import DagScheduleDatasetReference as Reference  # type: ignore[import-not-found]
        from airflow.models.dataset import DatasetEvent as Event

        column = "dataset_id"
    found = []
    for reference in session.query(Reference).filter(Reference.dag_id == dag.dag_id).all():
        number = getattr(reference, column)
        events = session.query(Event).filter(getattr(Event, column) == number)
        event = events.order_by(Event.timestamp.desc()).first()
        if event is None:
            event = Event(**{column: number, "extra": {}, "timestamp": utcnow()})
            session.add(event)
            session.flush()
        found.append(event)
    return found


def with_events(dag: Any, dates: Dates, events: list[Any]) -> Dates:
    """Return the dates with the interval that Airflow 2 computes from the runs that made the events."""
    if dates.kind != ASSET or dates.logical is None:
        return dates
    of_runs = [event for event in events if event.source_dag_run is not None]
    return dates._replace(interval=tuple(dag.timetable.data_interval_for_events(dates.logical, of_runs)))


def consume(run: Any, events: list[Any], session: Any) -> None:
    """Note the events with the run, which another session may have made."""
    if not events:
        return
    model = run_model()
    kept = session.query(model).filter(model.dag_id == run.dag_id, model.run_id == run.run_id).one()
    for name in ("consumed_asset_events", "consumed_dataset_events"):
        if hasattr(kept, name):
            getattr(kept, name).extend(events)


def named(event: Any) -> str:
    about = getattr(event, "asset", None) or getattr(event, "dataset", None)
    source = event.source_dag_id
    return "{} ({})".format(getattr(about, "uri", "?"), f"of {source}" if source else "made for this run")


if __name__ == "__main__":
    sys.exit(main())
