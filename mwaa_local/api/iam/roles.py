"""Which of Airflow's roles IAM policies grant. Conditions are not looked at: a statement counts as if its own holds."""

from __future__ import annotations

from collections.abc import Sequence

from mwaa_local.door.tokens import ROLES
from mwaa_local.iam.policies import ANY, Statement, has_action, has_resource, listed

# What `Resource: "*"` gives is not documented, but that it is no admin (AWS re:Post); of the others, our choice.
ROLE_OF_EVERYTHING = "User"


def role_granted(found: Sequence[Statement], action: str, role_arn_base: str) -> str | None:
    """Return the most powerful role on whose ARN these statements allow the action, and none denies it."""
    allowed = [each for each in found if each.get("Effect") == "Allow" and has_action(each, action)]
    denied = [each for each in found if each.get("Effect") == "Deny" and has_action(each, action)]
    for number, role in enumerate(ROLES):
        arn = role_arn_base + role
        if any(has_resource(each, arn) for each in denied):
            continue
        is_below = number >= ROLES.index(ROLE_OF_EVERYTHING)
        if any(has_resource(each, arn) and (is_below or not _is_for_everything(each)) for each in allowed):
            return role
    return None


def _is_for_everything(statement: Statement) -> bool:
    return ANY in listed(statement.get("Resource"))
