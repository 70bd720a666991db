"""What IAM policies grant on Airflow's roles. Conditions are not looked at: a statement counts as if its own holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mwaa_local.door.tokens import ROLES

EVERYTHING = "*"
# What `Resource: "*"` gives is not documented, but that it is no admin (AWS re:Post); of the others, our choice.
ROLE_OF_EVERYTHING = "User"

Statement = Mapping[str, Any]


def statements(document: Any) -> list[Statement]:
    """Return the statements of a policy document; none of what is no such document."""
    plain = document.get("Statement") if isinstance(document, Mapping) else None
    return [each for each in _listed(plain) if isinstance(each, Mapping)]


def role_granted(found: Sequence[Statement], action: str, role_arn_base: str) -> str | None:
    """Return the most powerful role on whose ARN these statements allow the action, and none denies it."""
    allowed = [each for each in found if each.get("Effect") == "Allow" and _has_action(each, action)]
    denied = [each for each in found if each.get("Effect") == "Deny" and _has_action(each, action)]
    for number, role in enumerate(ROLES):
        arn = role_arn_base + role
        if any(_has_resource(each, arn) for each in denied):
            continue
        is_below = number >= ROLES.index(ROLE_OF_EVERYTHING)
        if any(_has_resource(each, arn) and (is_below or not _is_for_everything(each)) for each in allowed):
            return role
    return None


def _is_for_everything(statement: Statement) -> bool:
    return EVERYTHING in _listed(statement.get("Resource"))


def _has_action(statement: Statement, action: str) -> bool:
    # IAM user guide, "IAM JSON policy elements: Action": case does not matter.
    return _matches(statement, "Action", action.lower(), lambda pattern: pattern.lower())


def _has_resource(statement: Statement, arn: str) -> bool:
    return _matches(statement, "Resource", arn, lambda pattern: pattern)


def _matches(statement: Statement, element: str, value: str, plain: Any) -> bool:
    if f"Not{element}" in statement:
        return not any(_fits(plain(pattern), value) for pattern in _texts(statement[f"Not{element}"]))
    return any(_fits(plain(pattern), value) for pattern in _texts(statement.get(element)))


def _fits(pattern: str, value: str) -> bool:
    """Say whether a value fits a pattern of IAM, in which * and ? are all that is special.

    Going back to the last star alone is enough; a regular expression would try all of them, for ever.
    """
    here = at = 0
    star, resume = -1, 0
    while at < len(value):
        char = pattern[here] if here < len(pattern) else ""
        if char == "*":
            star, resume = here, at
            here += 1
        elif char in ("?", value[at]):
            here, at = here + 1, at + 1
        elif star >= 0:
            resume += 1
            here, at = star + 1, resume
        else:
            return False
    return not pattern[here:].strip("*")


def _texts(value: Any) -> Iterator[str]:
    yield from (each for each in _listed(value) if isinstance(each, str))


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
