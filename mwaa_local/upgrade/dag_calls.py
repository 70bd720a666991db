"""How a file makes its DAGs, as its source shows it: with a schedule, with `catchup`. Pure; nothing is run.

Not for what a schedule really is: of a value that comes from elsewhere only that it is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

SCHEDULES = ("schedule", "schedule_interval", "timetable")  # the last two up to Airflow 2
ONCE = frozenset({"@once", "@continuous"})  # runs that are about no interval
DELTAS = frozenset({"timedelta", "relativedelta"})


class Schedule(StrEnum):
    """What the arguments say of the schedule."""

    ABSENT = "absent"
    NONE = "none"  # None, or once
    CRON = "cron"  # a text: a cron expression, or one of Airflow's words for one
    DELTA = "delta"
    TIMETABLE = "timetable"
    OTHER = "other"  # assets
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DagCall:
    """One call of `DAG`, or `@dag`, and its line. `has_rest`: there are arguments that the source does not show."""

    line: int
    names: frozenset[str]
    schedule: Schedule
    has_rest: bool


def _is_scheduled(call: DagCall, *, is_daily_by_default: bool) -> bool:
    if call.schedule is Schedule.ABSENT:
        return is_daily_by_default and not call.has_rest
    return call.schedule not in (Schedule.NONE, Schedule.OTHER)


# Which calls a change is told of, by the word that `changes.toml` has for them. The second argument says whether both
# releases run a DAG without a schedule daily, as Airflow 2 does.
KINDS: Mapping[str, Callable[[DagCall, bool], bool]] = {
    "without catchup": lambda call, daily: (
        "catchup" not in call.names and not call.has_rest and _is_scheduled(call, is_daily_by_default=daily)
    ),
    "cron": lambda call, _daily: call.schedule in (Schedule.CRON, Schedule.UNKNOWN),
    "delta": lambda call, _daily: call.schedule is Schedule.DELTA,
    "without schedule": lambda call, _daily: call.schedule is Schedule.ABSENT and not call.has_rest,
}


def dag_calls(tree: ast.Module) -> Iterator[DagCall]:
    """Yield the calls that make DAGs, by line."""
    named = _named(tree)
    found = [_call(node, named) for node in ast.walk(tree) if isinstance(node, ast.Call) and _makes_dag(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found += [
                _of_decorator(item, named) for item in node.decorator_list if _last_name(_function(item)) == "dag"
            ]
    yield from sorted(found, key=lambda call: call.line)


def _named(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the names that have one value in the file, with that."""
    found: dict[str, list[ast.expr]] = {}
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assign)):
        for name in (target.id for target in node.targets if isinstance(target, ast.Name)):
            found.setdefault(name, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _makes_dag(node: ast.Call) -> bool:
    return _last_name(node.func) == "DAG"


def _of_decorator(node: ast.expr, named: Mapping[str, ast.expr]) -> DagCall:
    if isinstance(node, ast.Call):
        return _call(node, named)
    return DagCall(node.lineno, frozenset(), Schedule.ABSENT, has_rest=False)


def _call(node: ast.Call, named: Mapping[str, ast.expr]) -> DagCall:
    given, has_rest = dict[str, ast.expr](), len(node.args) > 1  # by their place: the second is a description
    for keyword in node.keywords:
        brings = {keyword.arg: keyword.value} if keyword.arg else _of_mapping(keyword.value, named)
        given |= brings or {}
        has_rest |= brings is None
    schedule = next((given[name] for name in SCHEDULES if name in given), None)
    kind = Schedule.ABSENT if schedule is None else _kind(schedule, named)
    return DagCall(node.lineno, frozenset(given), kind, has_rest)


def _of_mapping(value: ast.expr, named: Mapping[str, ast.expr]) -> dict[str, ast.expr] | None:
    """Return the arguments in what `**` takes: `{…}` or `dict(…)`; None where the source does not show them."""
    value = _resolved(value, named)
    if isinstance(value, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
        plain = {str(key): item for key, item in zip(keys, value.values, strict=True) if key is not None}
        return plain if None not in keys else None
    if isinstance(value, ast.Call) and _last_name(value.func) == "dict" and not value.args:
        plain = {keyword.arg: keyword.value for keyword in value.keywords if keyword.arg}
        return plain if len(plain) == len(value.keywords) else None
    return None


def _resolved(value: ast.expr, named: Mapping[str, ast.expr]) -> ast.expr:
    return named.get(value.id, value) if isinstance(value, ast.Name) else value


def _kind(value: ast.expr, named: Mapping[str, ast.expr]) -> Schedule:
    value = _resolved(value, named)
    if isinstance(value, ast.Constant):
        if isinstance(value.value, str):
            return Schedule.NONE if value.value in ONCE else Schedule.CRON
        return Schedule.NONE if value.value is None else Schedule.UNKNOWN
    if isinstance(value, ast.JoinedStr):
        return Schedule.CRON
    if isinstance(value, ast.List | ast.Tuple):
        return Schedule.OTHER
    if isinstance(value, ast.BinOp):
        return _kind_of_operation(value, named)
    return _kind_of_call(_last_name(value.func)) if isinstance(value, ast.Call) else Schedule.UNKNOWN


def _kind_of_operation(value: ast.BinOp, named: Mapping[str, ast.expr]) -> Schedule:
    """Return what `asset | asset`, `timedelta(days=1) * 2` and `"0 3 * * " + day` give."""
    if isinstance(value.op, ast.BitOr | ast.BitAnd):
        return Schedule.OTHER
    sides = {_kind(value.left, named), _kind(value.right, named)}
    return next((kind for kind in (Schedule.DELTA, Schedule.CRON) if kind in sides), Schedule.UNKNOWN)


def _kind_of_call(name: str) -> Schedule:
    if name in DELTAS:
        return Schedule.DELTA
    if name.endswith("Timetable"):
        return Schedule.TIMETABLE
    return Schedule.OTHER if name.startswith(("Asset", "Dataset")) else Schedule.UNKNOWN


def _function(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
