"""How a file makes its DAGs, as its source shows it: with a schedule, with `catchup`. Pure; nothing is run.

Not for what a schedule really is: of a value that comes from elsewhere only that it is unknown, and of that nothing is
told.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mwaa_local.check.dags import values
from mwaa_local.check.dags.source import Call, Source

SCHEDULES = ("schedule", "schedule_interval", "timetable")  # the last two up to Airflow 2
SET_LATER = frozenset({*SCHEDULES, "catchup"})  # members of a DAG that some set when it is made: `dag.catchup = False`
MAX_POSITIONAL = 2  # the id and the description; what comes third differs
ONCE = frozenset({"@once", "@continuous"})  # runs that are about no interval
DELTAS = frozenset(
    {"datetime.timedelta", "dateutil.relativedelta.relativedelta", "pendulum.duration", "pendulum.Duration"}
)
DELTA_OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv)
TIMED_TOO = ("AssetOrTimeSchedule", "DatasetOrTimeSchedule")  # timetables, whatever their names say
OF_ASSETS = ("Asset", "Dataset", "PartitionedAsset")  # how names of the others begin
OF_ONE_RUN = ("NullTimetable", "OnceTimetable", "ContinuousTimetable")
READS = frozenset({"copy", "get", "items", "keys", "values"})  # members of a dictionary that leave it what it is
UNPACKING_CALLS = frozenset({"dict", "copy.copy", "copy.deepcopy"})


class Schedule(StrEnum):
    """What the arguments say of the schedule."""

    ABSENT = "absent"
    NONE = "none"  # None, or once
    CRON = "cron"  # a text: a cron expression, or one of Airflow's words for one
    DELTA = "delta"
    TIMETABLE = "timetable"
    OTHER = "other"  # assets
    UNKNOWN = "unknown"


TIMED = frozenset({Schedule.CRON, Schedule.DELTA, Schedule.TIMETABLE})


@dataclass(frozen=True)
class DagCall:
    """One call of `DAG`, or `@dag`, and its line. `has_rest`: there are arguments that the source does not show."""

    line: int
    names: frozenset[str]
    schedule: Schedule
    has_rest: bool


def _is_scheduled(call: DagCall, *, is_daily_by_default: bool) -> bool:
    return call.schedule in TIMED or (call.schedule is Schedule.ABSENT and is_daily_by_default)


# Which calls a change is told of, by the word that `changes.toml` has for them. The second argument says whether both
# releases run a DAG without a schedule daily, as Airflow 2 does.
KINDS: Mapping[str, Callable[[DagCall, bool], bool]] = {
    "without catchup": lambda call, daily: (
        "catchup" not in call.names and not call.has_rest and _is_scheduled(call, is_daily_by_default=daily)
    ),
    "cron": lambda call, _daily: call.schedule is Schedule.CRON,
    "delta": lambda call, _daily: call.schedule is Schedule.DELTA,
    "without schedule": lambda call, _daily: call.schedule is Schedule.ABSENT and not call.has_rest,
}


def dag_calls(source: Source) -> Iterator[DagCall]:
    """Yield the calls that make DAGs of Airflow's own class, by line; not of others that bear its name."""
    is_set_later = any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in SET_LATER
        for node in source.nodes
    )
    found = (_made(call, source, is_set_later) for call in source.calls if _makes_dag(call))
    yield from sorted(found, key=lambda call: call.line)


def _makes_dag(call: Call) -> bool:
    return call.name.startswith("airflow.") and call.last_name in ("DAG", "dag")


def _made(call: Call, source: Source, is_set_later: bool) -> DagCall:
    unpacked = [item.value for item in call.node.keywords if not item.arg] if isinstance(call.node, ast.Call) else []
    is_open = call.is_open or not all(_stays(item, source) for item in unpacked)
    written = {entry.name: entry.value for entry in call.keywords}
    given = written if is_open else call.arguments
    is_long = len(call.positional) > MAX_POSITIONAL or any(isinstance(item, ast.Starred) for item in call.positional)
    schedule = next((given[name] for name in SCHEDULES if name in given), None)
    kind = Schedule.ABSENT if schedule is None else _kind(schedule, source)
    return DagCall(call.node.lineno, frozenset(given), kind, is_open or is_long or is_set_later)


def _stays(value: ast.expr, source: Source) -> bool:
    """Whether a dictionary is nowhere changed after it is made, nor given to what may change it."""
    waiting, seen = [value], set[int]()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if not isinstance(node, ast.Name) or id(node) in seen:
                continue
            seen.add(id(node))
            made = source.resolve(node)
            if made is node or isinstance(made, ast.Constant):
                continue
            if not all(_only_reads(load, source) for load in source.loads.get(node.id, ())):
                return False
            waiting.append(made)
    return True


def _only_reads(name: ast.Name, source: Source) -> bool:
    parent = source.places.places[name].parent
    if isinstance(parent, ast.keyword):
        return parent.arg in (None, "default_args")
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr in READS
    if isinstance(parent, ast.Call):
        return name is parent.func or source.full_name(parent.func) in UNPACKING_CALLS
    return isinstance(parent, ast.Dict | ast.BinOp)


def _kind(value: ast.expr, source: Source) -> Schedule:
    value = source.resolve(value)
    if (text := source.string(value)) is not None:
        return _kind_of_text(text)
    if isinstance(value, ast.Constant):
        return Schedule.NONE if value.value is None else Schedule.UNKNOWN
    if isinstance(value, ast.List | ast.Tuple | ast.Set | ast.ListComp):
        return Schedule.OTHER
    if isinstance(value, ast.BinOp):
        return Schedule.DELTA if _is_delta(value, source) else Schedule.UNKNOWN
    return _kind_of_call(source.full_name(value.func)) if isinstance(value, ast.Call) else Schedule.UNKNOWN


def _kind_of_text(text: str) -> Schedule:
    """Return the kind of a text in which `values.UNKNOWN` stands for what varies."""
    if values.UNKNOWN in text:
        return Schedule.CRON if " " in text else Schedule.UNKNOWN  # only cron expressions have spaces
    return Schedule.NONE if text in ONCE else Schedule.CRON


def _is_delta(value: ast.expr, source: Source, around: values.Around = ()) -> bool:
    """Whether it is `timedelta(…)`, or `timedelta(days=1) * 2`."""
    value = source.resolve(value)
    if isinstance(value, ast.BinOp) and isinstance(value.op, DELTA_OPERATIONS):
        sides = () if values.is_endless(value, around) else (value.left, value.right)
        return any(_is_delta(side, source, (*around, value)) for side in sides)
    return isinstance(value, ast.Call) and source.full_name(value.func) in DELTAS


def _kind_of_call(name: str) -> Schedule:
    last = name.rpartition(".")[2]
    if name in DELTAS:
        return Schedule.DELTA
    if last in TIMED_TOO:
        return Schedule.TIMETABLE
    if last in OF_ONE_RUN:
        return Schedule.NONE
    if last.startswith(OF_ASSETS):
        return Schedule.OTHER
    return Schedule.TIMETABLE if last.endswith("Timetable") else Schedule.UNKNOWN
