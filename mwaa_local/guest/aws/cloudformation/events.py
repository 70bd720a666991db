"""Events of a stack and of its resources, and the status that they leave behind."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from moto.cloudformation.models import Event  # type: ignore[import-not-found]
from moto.core.utils import utcnow  # type: ignore[import-not-found]

from .held import ResourceState, held_of

STACK_TYPE = "AWS::CloudFormation::Stack"
OURS = "mwaa-local: "  # before every sentence that AWS does not say
# By which events differ: clients sort them by time, and know milliseconds.
STEP = datetime.timedelta(milliseconds=1)


def stack_is(stack: Any, status: str, reason: str | None = None) -> None:
    """Give the stack that status, with an event."""
    stack.status = status
    stack.status_reason = reason
    stack._add_stack_event(status, resource_status_reason=reason)
    _after_the_last(stack)


def resource_is(
    stack: Any, name: str, kind: str, status: str, reason: str | None = None, *, physical: str = ""
) -> None:
    """Note that status of a resource, with an event."""
    states = held_of(stack).states
    if not physical and name in states:
        physical = states[name].physical_id
    states[name] = ResourceState(name, kind, physical, status, reason, utcnow())
    event = Event(stack.stack_id, stack.name, name, physical, kind, status, reason, None)
    event.sendToSns(stack.account_id, stack.region_name, stack.notification_arns)
    stack.events.append(event)
    _after_the_last(stack)


def _after_the_last(stack: Any) -> None:
    for before, last in itertools.pairwise(stack.events[-2:]):
        last.timestamp = max(last.timestamp, before.timestamp + STEP)


def reason_of(error: BaseException) -> str:
    """Return what an error of moto, or of ours, has to say."""
    said = getattr(error, "message", None) or str(error)
    return str(said) if said else type(error).__name__
