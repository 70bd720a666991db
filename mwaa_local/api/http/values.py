"""Values of a request, given the types that the model has for them: from JSON, from a path, from a query.

Types only: limits and patterns are `validation`'s part. What the model does not know is left out, and so is what is
null, as AWS's services do (Smithy 2.0, "Simple types" and "JSON protocols").
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from mwaa_local.environment.service_model import KeyPath, ServiceModel, dotted

MAX_INTEGER = {"integer": 2**31, "long": 2**63}  # one more than the largest
LATEST_TIMESTAMP_S = 253402300800  # 10000-01-01, what no calendar of a client has
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_BOOLEANS = {"true": True, "false": False}


class Unfit(Exception):
    """A value that is not of its member's type. Its text never has the value, which may be secret."""


def from_json(body: bytes) -> dict[str, Any]:
    """Return the members in a body; none for an empty one. Raises Unfit unless it is a JSON object."""
    if not body.strip():
        return {}
    try:
        plain = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(plain, ensure_ascii=False).encode("utf-8")  # half a character, as in "\\ud800", is no text
    except (ValueError, RecursionError) as error:
        raise Unfit("the body must be JSON in UTF-8") from error
    if not isinstance(plain, dict):
        raise Unfit("the body must be a JSON object")
    return plain


def typed(model: ServiceModel, shape_name: str, value: Any, path: KeyPath) -> Any:
    """Return a value out of JSON as one of that shape. Raises Unfit."""
    shape = model.shapes[shape_name]
    if shape.get("document"):
        return value
    kind: str = shape["type"]
    if kind == "structure":
        members = model.members(shape_name)
        given = {name: item for name, item in _of(dict, value, path).items() if name in members and item is not None}
        return {name: typed(model, members[name], item, (*path, name)) for name, item in given.items()}
    if kind == "list":
        items = enumerate(_of(list, value, path))
        return [typed(model, shape["member"]["shape"], item, (*path, number)) for number, item in items]
    if kind == "map":
        pairs = _of(dict, value, path).items()
        return {key: typed(model, shape["value"]["shape"], item, (*path, key)) for key, item in pairs}
    return _SIMPLE[kind](kind, value, path)


def from_text(model: ServiceModel, shape_name: str, texts: list[str], path: KeyPath) -> Any:
    """Return what a path or a query says of a member: `texts` are all that stand there for it. Raises Unfit."""
    shape = model.shapes[shape_name]
    if shape["type"] == "list":
        return [
            from_text(model, shape["member"]["shape"], [text], (*path, number)) for number, text in enumerate(texts)
        ]
    text = texts[0]
    if shape["type"] in MAX_INTEGER:
        if not _WHOLE_NUMBER.fullmatch(text):
            raise _wrong(path, "a whole number")
        return typed(model, shape_name, int(text), path)
    if shape["type"] == "boolean":
        return typed(model, shape_name, _BOOLEANS.get(text), path)
    return text


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _of(wanted: type, value: Any, path: KeyPath) -> Any:
    if not isinstance(value, wanted):
        raise _wrong(path, "a list" if wanted is list else "an object")
    return value


def _text(_kind: str, value: Any, path: KeyPath) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "text")
    return value


def _boolean(_kind: str, value: Any, path: KeyPath) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, "true or false")
    return value


def _whole(kind: str, value: Any, path: KeyPath) -> int:
    limit = MAX_INTEGER[kind]
    if not isinstance(value, int) or isinstance(value, bool) or not -limit <= value < limit:
        raise _wrong(path, f"a whole number of {limit.bit_length()} bits")
    return value


def _number(_kind: str, value: Any, path: KeyPath) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong(path, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(path, "a number that a computer can hold")
    return number


def _timestamp(kind: str, value: Any, path: KeyPath) -> float:
    number = _number(kind, value, path)
    if abs(number) >= LATEST_TIMESTAMP_S:
        raise _wrong(path, "seconds since 1970")
    return number


def _wrong(path: KeyPath, words: str) -> Unfit:
    return Unfit(f"{dotted(path)} must be {words}")


_SIMPLE: Mapping[str, Callable[[str, Any, KeyPath], Any]] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _whole,
    "long": _whole,
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
}
