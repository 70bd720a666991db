"""Inside a release's interpreter: which dates a run of a DAG has on MWAA.

A DAG with a schedule: those of its last run that is due, as the scheduler makes it. Without: now, as the web page has
it. For assets: none, and now on Airflow 2. Beside these, any date that was asked for.

Source: `_create_dag_runs` and `_create_dag_runs_asset_triggered` of Airflow's scheduler, `SchedulerJob.create_dag_run`
of 1.10 and 2.0, which have neither timetables nor data intervals. Runs on Python 3.7 and Airflow 1.10 too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

ANSWER = "mwaa-local dag run: "  # how the line begins that tells the launcher of a run
MADE, NOT_DUE, REFUSED = "made", "not due", "refused"  # its outcomes
NO_DATE = "none"
SCHEDULED, MANUAL, ASSET = "scheduled", "manual", "asset"
# How far back a run is looked for where the timetable does not name the last one: most run daily, some once a year.
LOOK_BACK = [timedelta(hours=3), *(timedelta(days=days) for days in (2, 40, 400, 4000))]
MOST_STEPS = 20000  # from one run to the next; a run a minute is 2,880 in two days
CRON = frozenset({"_expression", "_timetables"})  # what Airflow's timetables by cron have, one of them each
FIXED_PARTS = frozenset({"days", "hours", "minutes", "seconds", "microseconds"})  # of a relativedelta
SHIFT = timedelta(microseconds=1)  # what the databases can tell apart
MOST_SHIFTS = 1000


class Dates(NamedTuple):
    """The dates of one run, and how it comes about. `interval` is (start, end); None where there is none."""

    kind: str  # SCHEDULED, MANUAL or ASSET
    logical: Any
    interval: Any = None
    run_after: Any = None
    note: str = ""
    partition: Any = None  # (key, date)


class NotDue(Exception):
    """Airflow would run none of the DAG's tasks yet."""


class Refused(Exception):
    """No run can have the date that was asked for."""


def dates_of(dag: Any, given: str) -> Dates:
    """Return the dates that were asked for. Raises NotDue, Refused."""
    if given == NO_DATE:
        return Dates(MANUAL, None, None, utcnow())
    if given:
        return dates_for(dag, parsed(given))
    begin = earliest_of(dag)
    dates = last_run(dag) or (Dates(ASSET, None) if is_for_assets(dag) else None)
    if dates is not None and dates.kind == ASSET and not may_lack_date():
        dates = dates._replace(logical=utcnow())
    if dates is None:
        dates = manual(dag, utcnow())
    if begin is not None and dates.logical is not None and dates.logical < begin:
        raise NotDue(f"its start_date is {written(begin)}: Airflow runs none of its tasks before")
    return dates


def dates_for(dag: Any, date: Any) -> Dates:
    """Return the dates of the run with this logical date: the schedule's where it has one, else as the web page."""
    begin = earliest_of(dag)
    if begin is not None and date < begin:
        text = "{} is before its start_date, {}: Airflow would run none of its tasks"
        raise Refused(text.format(written(date), written(begin)))
    if date > utcnow():
        raise Refused(f"{written(date)} is in the future: Airflow runs no task before the logical date of its run")
    if hasattr(dag, "timetable"):
        info = scheduled_at(dag, date)
        if info is not None:
            return of_info(info)
    elif is_scheduled_before_timetables(dag, date):
        return Dates(SCHEDULED, date)
    return manual(dag, date)


def manual(dag: Any, date: Any) -> Dates:
    timetable = getattr(dag, "timetable", None)
    return Dates(MANUAL, date, timetable and tuple(timetable.infer_manual_data_interval(run_after=date)), date)


def last_run(dag: Any) -> Dates | None:
    """Return the last run that the schedule has had, or the first one that it will have; None without a schedule."""
    if not hasattr(dag, "timetable"):
        return last_run_before_timetables(dag)
    limits = dag._time_restriction
    info = last_complete(dag.timetable, limits)
    if info is not None:
        return of_info(info)
    info = next_info(dag.timetable, None, limits._replace(catchup=False))
    if info is None or info.data_interval is None:
        return None
    if info.data_interval.start > utcnow():
        return None
    return of_info(info)._replace(note=f"the first run of its schedule, which is due at {written(info.run_after)}")


def last_complete(timetable: Any, limits: Any) -> Any:
    """Return the newest DagRunInfo that is due; None where there is none.

    With catchup, runs follow each other from the start_date. Without, the scheduler begins with the newest; but past
    the end_date, and where a timetable names only what is to come, it would have come there step by step as well.
    """
    found = None if limits.catchup else newest(timetable, limits)
    if found is not None:
        return found
    now = utcnow()
    end = now if limits.latest is None or limits.latest > now else limits.latest
    if limits.earliest is not None and not is_cron(timetable):
        found = newest(timetable, from_start(timetable, limits, end))
        if found is not None:
            return found
    for distance in LOOK_BACK:
        begin = end - distance
        is_all = limits.earliest is not None and begin <= limits.earliest
        found = newest(timetable, restriction(limits.earliest if is_all else begin, limits.latest, catchup=True))
        if found is not None or is_all:
            return found
    return None


def newest(timetable: Any, limits: Any) -> Any:
    """Return the last of the runs that are due, counted from the first within the limits; None if that is too far."""
    found = None
    for _ in range(MOST_STEPS):
        info = next_info(timetable, found, limits)
        if info is None or info.run_after > utcnow() or (found is not None and info.run_after <= found.run_after):
            return found
        found = info
        if getattr(timetable, "active_runs_limit", None) == 1:  # @continuous: there is always one more
            return found
    return None


def scheduled_at(dag: Any, date: Any) -> Any:
    """Return the DagRunInfo of the schedule that has this logical date; None where none has.

    Without catchup, a timedelta counts from when the scheduler first saw the DAG: then any date may be one.
    """
    timetable, limits = dag.timetable, dag._time_restriction._replace(latest=None)
    counts_from_now = hasattr(timed(timetable), "_delta") and not limits.catchup
    if is_cron(timetable) or counts_from_now or limits.earliest is None:
        limits = restriction(date, None, catchup=True)
    else:
        limits = from_start(timetable, limits, date)
    info = first_from(timetable, limits, date)
    if counts_from_now and info is not None and info.data_interval.start != date:  # an interval before the run
        info = first_from(timetable, limits._replace(earliest=date + (info.run_after - info.data_interval.start)), date)
    return info if info is not None and info.data_interval.start == date else None


def first_from(timetable: Any, limits: Any, date: Any) -> Any:
    """Return the first DagRunInfo within the limits whose logical date is not before this one; None if that is far."""
    info = None
    for _ in range(MOST_STEPS):
        info = next_info(timetable, info, limits)
        if info is None or info.data_interval is None:
            return None
        if info.data_interval.start >= date:
            return info
        if getattr(timetable, "active_runs_limit", None) == 1:
            return None
    return None


def is_cron(timetable: Any) -> bool:
    """Say whether this is one of Airflow's, whose runs are the same from whatever day one begins to count."""
    return bool(CRON & set(vars(timed(timetable))))


def from_start(timetable: Any, limits: Any, date: Any) -> Any:
    """Return the limits with catchup and, for runs at a fixed distance, a first one shortly before the date."""
    step, earliest = fixed_step(timetable), limits.earliest
    if step is not None:
        earliest = earliest + step * max(elapsed(earliest, date) // step - 2, 0)
    return restriction(earliest, limits.latest, catchup=True)


def fixed_step(timetable: Any) -> timedelta | None:
    """Return the distance of runs that are counted from the start_date, where it is always the same."""
    return fixed(getattr(timed(timetable), "_delta", None))


def fixed(delta: Any) -> timedelta | None:
    """Return a timedelta or relativedelta as a timedelta; None where it is none, or of months or weekdays."""
    if delta is None or isinstance(delta, timedelta):
        return delta
    parts = {name: value for name, value in vars(delta).items() if value and not name.startswith("_")}
    return timedelta(**parts) if set(parts) <= FIXED_PARTS else None


def elapsed(begin: Any, end: Any) -> timedelta:
    """Return the time between two dates; what pendulum makes of a difference cannot be divided by a timedelta."""
    return timedelta(microseconds=round((end - begin).total_seconds() * 1e6))


def timed(timetable: Any) -> Any:
    """Return the timetable, or what is one inside of a schedule by time or asset."""
    return getattr(timetable, "timetable", timetable)


def next_info(timetable: Any, last: Any, limits: Any) -> Any:
    if hasattr(timetable, "next_dagrun_info_v2"):  # Airflow 3.2: runs with partitions have no interval
        return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=limits)
    interval = None if last is None else last.data_interval
    return timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=limits)


def restriction(earliest: Any, latest: Any, *, catchup: bool) -> Any:
    from airflow.timetables.base import TimeRestriction  # type: ignore[import-not-found]

    return TimeRestriction(earliest, latest, catchup)


def of_info(info: Any) -> Dates:
    key = getattr(info, "partition_key", None)
    partition = (key, info.partition_date) if key is not None else None
    run_after = min(info.run_after, utcnow())
    if info.data_interval is None:
        return Dates(SCHEDULED, None, None, run_after, f"partition {key}", partition)
    start, end = (computable(date) for date in info.data_interval)
    return Dates(SCHEDULED, start, (start, end), run_after, "", partition)


def computable(date: Any) -> Any:
    """Return the date as one that can be added to; some of pendulum 2 lack their time zone."""
    import pendulum  # type: ignore[import-not-found]

    return pendulum.instance(datetime.fromisoformat(date.isoformat()))


def last_run_before_timetables(dag: Any) -> Dates | None:
    """Return what `SchedulerJob.create_dag_run` of Airflow 1.10 and `next_dagrun_after_date` of 2.0 arrive at."""
    begin, schedule, now = earliest_of(dag), dag.schedule_interval, utcnow()
    if not schedule or schedule == "None":
        return None
    if schedule == "@once":
        return Dates(SCHEDULED, begin or now)
    end = min([date for date in (dag.end_date, *(task.end_date for task in dag.tasks)) if date is not None] or [now])
    if not isinstance(schedule, str):
        date = last_of_delta(dag, begin, end)
    else:
        date = dag.previous_schedule(dag.previous_schedule(now))
        if date > end:
            date = dag.previous_schedule(end + timedelta(seconds=1))
    if begin is not None and date < begin:
        date = dag.normalize_schedule(begin)
    due = dag.following_schedule(date)
    note = f"the first run of its schedule, which is due at {written(due)}" if due and due > now else ""
    return Dates(SCHEDULED, date, note=note) if date <= now else None


def last_of_delta(dag: Any, begin: Any, end: Any) -> Any:
    """Return the date of the last run that is due; without catchup, runs are counted from now."""
    now = utcnow()
    date = now - dag.schedule_interval
    if begin is None or not (dag.catchup or date > end):
        return date
    step = fixed(dag.schedule_interval)
    date = begin if step is None else begin + step * max(elapsed(begin, min(date, end)) // step - 1, 0)
    for _ in range(MOST_STEPS):
        following = dag.following_schedule(date)
        if following > end or dag.following_schedule(following) > now:
            break
        date = following
    return date


def is_scheduled_before_timetables(dag: Any, date: Any) -> bool:
    begin, schedule = earliest_of(dag), dag.schedule_interval
    if not schedule or schedule == "None":
        return False
    if schedule == "@once":
        return bool(date == begin)
    if isinstance(schedule, str):
        return bool(dag.normalize_schedule(date) == date)
    if not dag.catchup or begin is None:
        return True
    step = fixed(schedule)
    if step is not None:
        return not elapsed(begin, date) % step
    while begin < date:
        begin = dag.following_schedule(begin)
    return bool(begin == date)


def earliest_of(dag: Any) -> Any:
    """Return the first date on which any task may run; None where any may."""
    if hasattr(dag, "_time_restriction"):
        return dag._time_restriction.earliest
    found = [date for date in (dag.start_date, *(task.start_date for task in dag.tasks)) if date is not None]
    return min(found) if found else None


def is_for_assets(dag: Any) -> bool:
    names = {kind.__name__ for kind in type(getattr(dag, "timetable", None)).__mro__}
    return bool(names & {"AssetTriggeredTimetable", "DatasetTriggeredTimetable"})


def may_lack_date() -> bool:
    """Say whether this is Airflow 3, where a run may have no logical date."""
    return hasattr(run_model(), "run_after")


def free(dag: Any, dates: Dates, session: Any) -> Dates:
    """Return the dates with a logical date that no run of the DAG has yet: each may stand only once."""
    if dates.logical is None:
        return dates
    model: Any = run_model()
    column = model.execution_date if hasattr(model, "execution_date") else model.logical_date
    last = dates.logical + SHIFT * MOST_SHIFTS
    rows = session.query(column).filter(model.dag_id == dag.dag_id, column >= dates.logical, column <= last)
    taken = {date for (date,) in rows}
    date, later = dates.logical, 0
    while date in taken:
        date, later = date + SHIFT, later + 1
    if not later:
        return dates
    note = f"{written(dates.logical)} is another run's date; this one is {later} \u00b5s later"
    return dates._replace(logical=date, note="; ".join(text for text in (dates.note, note) if text))


def utcnow() -> Any:
    import pendulum

    return pendulum.now("UTC")


def parsed(given: str) -> Any:
    """Return the date; one without an offset is in Airflow's own time zone, as for its command line."""
    import pendulum
    from airflow import settings  # type: ignore[import-not-found]

    date = datetime.fromisoformat(given)
    return pendulum.instance(date if date.tzinfo else date.replace(tzinfo=settings.TIMEZONE)).in_timezone("UTC")


def written(date: Any) -> str:
    return str(date.isoformat()) if date else ""


def run_model() -> Any:
    from airflow.models.dagrun import DagRun  # type: ignore[import-not-found]

    return DagRun
