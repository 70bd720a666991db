"""The value of an expression in a DAG file, as far as the source shows it. Nothing is run or guessed.

Each function takes `resolve`, which gives the expression that a name stands for, and returns None for "cannot tell".
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

Resolve = Callable[[ast.expr], ast.expr]
FullName = Callable[[ast.expr], str]
Around = tuple[ast.expr, ...]  # the expressions that one stands in, from the outside in
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands in a text for a part that is only known when the file runs
MAX_DEPTH = 30  # of nested expressions; what people write is far below, and Python's own stack far above
MAX_SECONDS = 1e12  # beyond it a number is no duration
_UNIT_S = {
    "weeks": 7 * 86_400.0,
    "days": 86_400.0,
    "hours": 3_600.0,
    "minutes": 60.0,
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
}
_TIMEDELTA_ORDER = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
_DURATIONS = frozenset(("datetime.timedelta", "pendulum.duration", "pendulum.Duration"))


@dataclass(frozen=True)
class Entry:
    """One `"name": value` of a dictionary, or `name=value` of a call of `dict`."""

    name: str
    node: ast.expr  # to point at
    value: ast.expr


@dataclass(frozen=True)
class Entries:
    """A dictionary's entries. `is_open` says that there may be more than are seen."""

    items: tuple[Entry, ...] = ()
    is_open: bool = False

    def get(self, name: str) -> ast.expr | None:
        return next((item.value for item in reversed(self.items) if item.name == name), None)


def is_endless(expr: ast.expr, around: Around) -> bool:
    """Whether an expression stands in itself, as in `a = a + "x"`, or deeper than people write."""
    return len(around) > MAX_DEPTH or any(item is expr for item in around)


def text(expr: ast.expr, resolve: Resolve, around: Around = ()) -> str | None:
    """Return the text of the expression; UNKNOWN stands for what an f-string or a sum inserts."""
    expr = resolve(expr)
    if is_endless(expr, around):
        return None
    around = (*around, expr)
    if isinstance(expr, ast.Constant):
        return expr.value if isinstance(expr.value, str) else None
    if isinstance(expr, ast.JoinedStr):
        values = (item.value if isinstance(item, ast.FormattedValue) else item for item in expr.values)
        return "".join(text(item, resolve, around) or UNKNOWN for item in values)
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        parts = [text(item, resolve, around) for item in (expr.left, expr.right)]
        return None if parts == [None, None] else "".join(UNKNOWN if part is None else part for part in parts)
    return None


def seconds(expr: ast.expr, resolve: Resolve, full_name: FullName, around: Around = ()) -> float | None:
    """Return the seconds of a number, of `timedelta(…)` or `duration(…)`, or of a calculation with them."""
    expr = resolve(expr)
    if is_endless(expr, around):
        return None

    def inner(item: ast.expr) -> float | None:
        return seconds(item, resolve, full_name, (*around, expr))

    if isinstance(expr, ast.Constant):
        is_number = isinstance(expr.value, int | float) and not isinstance(expr.value, bool)
        return float(expr.value) if is_number and abs(expr.value) < MAX_SECONDS else None  # type: ignore[arg-type]
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
        value = inner(expr.operand)
        return None if value is None else -value
    if isinstance(expr, ast.BinOp):
        return _computed(expr.op, inner(expr.left), inner(expr.right))
    if not isinstance(expr, ast.Call):
        return None
    if isinstance(expr.func, ast.Attribute) and expr.func.attr == "total_seconds":
        return inner(expr.func.value)
    return _duration(expr, inner) if full_name(expr.func) in _DURATIONS else None


def _computed(operator: ast.operator, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    result: float | None = None
    if isinstance(operator, ast.Add):
        result = left + right
    elif isinstance(operator, ast.Sub):
        result = left - right
    elif isinstance(operator, ast.Mult):
        result = left * right
    elif isinstance(operator, ast.Div | ast.FloorDiv) and right:
        result = left / right
    return result if result is not None and abs(result) < MAX_SECONDS else None


def _duration(call: ast.Call, inner: Callable[[ast.expr], float | None]) -> float | None:
    parts = dict(zip(_TIMEDELTA_ORDER, call.args, strict=False))
    parts.update({item.arg: item.value for item in call.keywords if item.arg})
    counts = {unit: inner(value) for unit, value in parts.items()}
    known = [count * _UNIT_S[unit] for unit, count in counts.items() if count is not None and unit in _UNIT_S]
    return sum(known) if len(known) == len(call.args) + len(call.keywords) else None


def entries(expr: ast.expr, resolve: Resolve, full_name: FullName, around: Around = ()) -> Entries:
    """Return the entries of `{…}`, `dict(…)`, `a | b` or `a.copy()`; open where that is not all it holds."""
    expr = resolve(expr)
    if is_endless(expr, around):
        return Entries(is_open=True)

    def inner(item: ast.expr) -> Entries:
        return entries(item, resolve, full_name, (*around, expr))

    if isinstance(expr, ast.Dict):
        return _joined([_entry(key, value, inner, resolve) for key, value in zip(expr.keys, expr.values, strict=True)])
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.BitOr):
        return _joined([inner(expr.left), inner(expr.right)])
    if isinstance(expr, ast.Call):
        if full_name(expr.func) == "dict":
            named = [
                Entries((Entry(item.arg, item.value, item.value),)) if item.arg else inner(item.value)
                for item in expr.keywords
            ]
            return _joined([*(inner(item) for item in expr.args), *named])
        if isinstance(expr.func, ast.Attribute) and expr.func.attr == "copy" and not expr.args:
            return inner(expr.func.value)
    return Entries(is_open=True)


def _entry(key: ast.expr | None, value: ast.expr, inner: Callable[[ast.expr], Entries], resolve: Resolve) -> Entries:
    if key is None:  # {**value}
        return inner(value)
    name = text(key, resolve)
    return Entries((Entry(name, key, value),)) if name is not None else Entries(is_open=True)


def _joined(parts: list[Entries]) -> Entries:
    return Entries(tuple(item for part in parts for item in part.items), any(part.is_open for part in parts))
