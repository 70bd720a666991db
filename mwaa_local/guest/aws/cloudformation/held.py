"""What is known of a stack beside what moto's own object knows: plain data, so that it is saved along with moto's."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ATTRIBUTE = "mwaa_local_held"  # of moto's stack


@dataclass
class Applied:
    """One resource that exists, as it was last made."""

    kind: str  # "AWS::S3::Bucket"
    properties: Mapping[str, Any]  # with all references resolved
    needs: frozenset[str]
    deletion_policy: str = ""
    replace_policy: str = ""  # UpdateReplacePolicy
    is_uncertain: bool = False  # a change failed half-way: nobody knows what it is now


@dataclass
class ResourceState:
    """What DescribeStackResources and the like tell of one resource."""

    name: str
    kind: str
    physical_id: str
    status: str
    reason: str | None
    at: datetime.datetime


@dataclass
class Leftover:
    """A resource that no template wants any more: of a former template, or replaced."""

    name: str
    applied: Applied
    resource: Any
    policy: str  # Delete, Retain, RetainExceptOnCreate
    is_begun: bool = False


@dataclass
class Before:
    """What an update goes back to."""

    template: Any
    parameters: Mapping[str, str]
    names: frozenset[str]


@dataclass
class Deployment:
    """One operation on a stack that is not done yet."""

    kind: str  # CREATE, UPDATE, DELETE, ROLLBACK, UPDATE_ROLLBACK
    waiting: list[str] = field(default_factory=list)  # in order
    running: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # name -> reason
    leftovers: list[Leftover] = field(default_factory=list)
    replaced: dict[str, Leftover] = field(default_factory=dict)  # name -> the one before
    verbs: dict[str, str] = field(default_factory=dict)  # name -> CREATE or UPDATE, for events
    remarks: dict[str, str] = field(default_factory=dict)  # name -> what its last event has to say
    told: list[str] = field(default_factory=list)  # whose deletion has an event
    before: Before | None = None
    on_failure: str = "ROLLBACK"  # or DO_NOTHING, DELETE
    tags: Mapping[str, str] | None = None
    role_arn: str | None = None


@dataclass
class Held:
    """All of it, of one stack."""

    applied: dict[str, Applied] = field(default_factory=dict)
    states: dict[str, ResourceState] = field(default_factory=dict)
    deployment: Deployment | None = None
    leftovers: list[Leftover] = field(default_factory=list)  # of an operation that was given up


def held_of(stack: Any) -> Held:
    held = getattr(stack, ATTRIBUTE, None)
    if held is None:
        held = Held()
        setattr(stack, ATTRIBUTE, held)
    return held
