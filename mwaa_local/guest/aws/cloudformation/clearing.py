"""Resources deleted, each after all that need it."""

from __future__ import annotations

from typing import Any

from . import resources
from .events import OURS, reason_of, resource_is
from .held import Deployment, Held, Leftover

UNDELETABLE = "left there, since the local AWS cannot delete a"


def go_on(stack: Any, held: Held, deployment: Deployment) -> bool:
    """Delete what can be deleted, and look at what is being deleted; return whether anything changed."""
    changed, refused = False, {}
    for leftover in list(deployment.leftovers):
        if leftover.is_begun:
            reason = _look(stack, held, deployment, leftover)
        elif _is_needed(leftover, deployment.leftovers):
            continue
        else:
            reason = _begin(stack, held, deployment, leftover)
        if reason is None:
            changed = True
        elif reason:
            refused[leftover.name] = reason
    if changed or any(leftover.is_begun for leftover in deployment.leftovers):
        return changed
    _give_up(stack, deployment, refused)
    return True


def _is_needed(leftover: Leftover, others: list[Leftover]) -> bool:
    return any(leftover.name in other.applied.needs for other in others if other is not leftover)


def _begin(stack: Any, held: Held, deployment: Deployment, leftover: Leftover) -> str | None:
    """Return why not; None where it went on."""
    applied, resource = leftover.applied, leftover.resource
    if leftover.policy == "Retain" or (leftover.policy == "RetainExceptOnCreate" and deployment.kind != "ROLLBACK"):
        _gone(stack, held, deployment, leftover, "DELETE_SKIPPED")
        return None
    if resource is None:
        _gone(stack, held, deployment, leftover, "DELETE_COMPLETE")
        return None
    if leftover.name not in deployment.told:
        deployment.told.append(leftover.name)
        physical = resources.physical_id(resource)
        resource_is(stack, leftover.name, applied.kind, "DELETE_IN_PROGRESS", physical=physical)
    try:
        if not resources.delete(stack, applied.kind, resource, applied.properties):
            _gone(stack, held, deployment, leftover, "DELETE_SKIPPED", f"{OURS}{UNDELETABLE} {applied.kind}")
            return None
        leftover.is_begun = True
    except Exception as error:  # noqa: BLE001  # what moto refuses now it may do when something else is gone
        return reason_of(error)
    return None


def _look(stack: Any, held: Held, deployment: Deployment, leftover: Leftover) -> str | None:
    """Return "" while it is being deleted, None when it is gone, else why that failed."""
    try:
        if not resources.is_gone(leftover.resource):
            return ""
    except Exception as error:  # noqa: BLE001  # as above
        leftover.is_begun = False
        return reason_of(error)
    _gone(stack, held, deployment, leftover, "DELETE_COMPLETE")
    return None


def _gone(
    stack: Any, held: Held, deployment: Deployment, leftover: Leftover, status: str, reason: str | None = None
) -> None:
    deployment.leftovers.remove(leftover)
    name = leftover.name
    if held.applied.get(name) is leftover.applied:
        del held.applied[name]
        stack.resource_map.forget(name)
        resource_is(stack, name, leftover.applied.kind, status, reason)
    else:  # another one has its name by now
        resource_is(
            stack, name, leftover.applied.kind, status, reason, physical=resources.physical_id(leftover.resource)
        )


def _give_up(stack: Any, deployment: Deployment, refused: dict[str, str]) -> None:
    for leftover in deployment.leftovers:
        if reason := refused.get(leftover.name):
            deployment.failed[leftover.name] = reason
            resource_is(stack, leftover.name, leftover.applied.kind, "DELETE_FAILED", reason)
    deployment.leftovers = []
