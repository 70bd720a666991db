"""Whether conditions of a statement hold for what is known of a request; of other keys it cannot be told.

Source: IAM user guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .policies import Holds, fits, texts

IF_EXISTS = "IfExists"
NOT = "Not"


def holds_in(context: Mapping[str, str]) -> Holds:
    """Return what says of conditions whether they hold. Names of keys in `context` are in small letters."""

    def holds(condition: object) -> bool | None:
        if not condition:
            return True
        if not isinstance(condition, Mapping):
            return None
        found = [
            _holds(str(operator), wanted, context.get(str(key).lower()))
            for operator, keys in condition.items()
            for key, wanted in (keys.items() if isinstance(keys, Mapping) else ())
        ]
        if False in found:
            return False
        return None if None in found else True

    return holds


def _holds(operator: str, wanted: object, value: str | None) -> bool | None:
    if value is None:
        return None
    test = _TESTS.get(operator.removesuffix(IF_EXISTS).replace(NOT, ""))
    if test is None:
        return None
    values = [str(each).lower() if isinstance(each, bool) else str(each) for each in _all(wanted)]
    return any(test(each, value) for each in values) is not (NOT in operator)


def _all(wanted: object) -> list[object]:
    return [wanted] if isinstance(wanted, bool | int) else list(texts(wanted))


def _bool(wanted: str, value: str) -> bool:
    return wanted.lower() == value.lower()


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": fits,
    "ArnLike": fits,
    "Bool": _bool,
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": _bool,
    "StringLike": fits,
}
