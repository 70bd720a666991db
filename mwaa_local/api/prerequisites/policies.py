"""IAM policies, as far as a check needs them: whether an action on a resource is granted.

Conditions are taken for true where they allow, and for false where they deny: a check must not find fault with what may
be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

Statement = Mapping[str, Any]


def statements(document: Any) -> list[Statement]:
    """Return the statements of a policy document."""
    found = document.get("Statement") if isinstance(document, Mapping) else None
    return [one for one in _many(found) if isinstance(one, Mapping)]


def is_granted(policy: Iterable[Statement], action: str, resource: str) -> bool:
    """Return whether the statements together grant an action on a resource."""
    about = [one for one in policy if _is_about(one, action, resource)]
    denied = any(one.get("Effect") == "Deny" and not one.get("Condition") for one in about)
    return not denied and any(one.get("Effect") == "Allow" for one in about)


def trusts(policy: Iterable[Statement], service: str) -> bool:
    """Return whether a trust policy lets a service assume the role."""
    for one in policy:
        principal = one.get("Principal")
        named = _many(principal.get("Service")) if isinstance(principal, Mapping) else _many(principal)
        if one.get("Effect") == "Allow" and any(_matches(str(name), service) for name in named):
            return True
    return False


def _is_about(statement: Statement, action: str, resource: str) -> bool:
    return _holds(statement, "Action", action.lower(), str.lower) and _holds(statement, "Resource", resource, str)


def _holds(statement: Statement, key: str, value: str, form: Any) -> bool:
    if (excepted := statement.get(f"Not{key}")) is not None:
        return not any(_matches(form(str(one)), value) for one in _many(excepted))
    return any(_matches(form(str(one)), value) for one in _many(statement.get(key)))


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
