"""What statements of IAM policies say of one action on one resource. Pure; reads no files and asks nobody.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements".
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Statement = Mapping[str, Any]
# Says of a statement's conditions whether they hold: None where that cannot be told.
Holds = Callable[[Any], "bool | None"]
ANY = "*"
LOCAL_ACCOUNT_ID = "000000000000"  # of the local AWS: configuration/log_groups.py
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Decision(enum.Enum):
    """What a role's policies say of one action on one resource."""

    ALLOWED = "allowed"
    CONDITIONAL = "depends on a condition"
    NOT_GRANTED = "not granted"
    DENIED = "denied"


def statements(document: Any) -> list[Statement]:
    """Return the statements of a policy document; none of what is no such document."""
    found = document.get("Statement") if isinstance(document, Mapping) else None
    return [each for each in listed(found) if isinstance(each, Mapping)]


def unknown(condition: Any) -> bool | None:
    """Say that a condition cannot be told to hold or not; a statement without one always holds."""
    return None if condition else True


def decide(policy: Iterable[Statement], action: str, resource: str, holds: Holds = unknown) -> Decision:
    """Return what the statements together say.

    A `resource` of "" is one that cannot be told: any may be meant, so that a denial of some alone may be one of it.
    """
    about = []
    for each in policy:
        if is_about(each, action, resource):
            is_sure = each.get("Effect") != "Deny" or resource or _is_on_everything(each)
            held = holds(each.get("Condition"))
            about.append((each.get("Effect"), held if is_sure or held is False else None))
    if ("Deny", True) in about:
        return Decision.DENIED
    if ("Allow", True) in about:
        return Decision.CONDITIONAL if ("Deny", None) in about else Decision.ALLOWED
    return Decision.CONDITIONAL if ("Allow", None) in about else Decision.NOT_GRANTED


def decide_alike(
    policy: Iterable[Statement], action: str, resource: str, account_id: str, holds: Holds = unknown
) -> Decision:
    """Return what the statements say of a resource in the account of this machine, or of that in the role's account.

    Policies are written for the account in which they will count, or for this one: what is granted in one of them is.
    """
    policy = list(policy)
    resources = dict.fromkeys((resource, resource.replace(f":{LOCAL_ACCOUNT_ID}:", f":{account_id}:")))
    found = [decide(policy, action, each, holds) for each in resources]
    best = (Decision.DENIED, Decision.ALLOWED, Decision.CONDITIONAL, Decision.NOT_GRANTED)
    return next(decision for decision in best if decision in found)


def is_granted(policy: Iterable[Statement], action: str, resource: str) -> bool:
    """Say whether it may be granted: conditions are taken for true where they allow, for false where they deny."""
    return decide(policy, action, resource) in (Decision.ALLOWED, Decision.CONDITIONAL)


def trusts(policy: Iterable[Statement], service: str) -> bool:
    """Say whether a trust policy lets a service assume the role."""
    return any(each.get("Effect") == "Allow" and names_service(each, service) for each in policy)


def names_service(statement: Statement, service: str) -> bool:
    """Say whether a service is a principal of a statement."""
    principal = statement.get("Principal")
    named = listed(principal.get("Service")) if isinstance(principal, Mapping) else listed(principal)
    return any(fits(str(name), service) for name in named)


def is_about(statement: Statement, action: str, resource: str) -> bool:
    return has_action(statement, action) and has_resource(statement, resource)


def has_action(statement: Statement, action: str) -> bool:
    """Say whether a statement speaks of an action; case does not matter (IAM user guide, "Action")."""
    return _has(statement, "Action", lambda pattern: fits(pattern.lower(), action.lower()))


def has_resource(statement: Statement, resource: str) -> bool:
    """Say whether a statement speaks of a resource, which may itself be a pattern, or "" where it cannot be told."""
    return not resource or _has(statement, "Resource", lambda pattern: _fits_resource(pattern, resource))


def _is_on_everything(statement: Statement) -> bool:
    return ANY in texts(statement.get("Resource"))


def _has(statement: Statement, element: str, test: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(test(pattern) for pattern in texts(statement[f"Not{element}"]))
    return any(test(pattern) for pattern in texts(statement.get(element)))


def _fits_resource(pattern: str, resource: str) -> bool:
    # What a policy variable stands for is known to the request alone; `${*}` and the like are the plain character.
    plain = _VARIABLE.sub(lambda found: "?" if found[1] in ("*", "?", "$") else ANY, pattern)
    return fits(plain, resource) or ("?" in resource and fits(resource, plain))


def fits(pattern: str, value: str) -> bool:
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


def texts(value: Any) -> list[str]:
    return [each for each in listed(value) if isinstance(each, str)]


def listed(value: Any) -> list[Any]:
    """Return what IAM lets stand alone or in a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
