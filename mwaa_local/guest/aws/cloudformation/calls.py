"""CloudFormation's calls, where moto's answers leave out what deployments need."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.cloudformation import responses  # type: ignore[import-not-found]
from moto.cloudformation.exceptions import ValidationError  # type: ignore[import-not-found]
from moto.core.responses import ActionResult, EmptyResult  # type: ignore[import-not-found]

from . import backend, deployment
from .held import ResourceState, held_of

WITH_ON_FAILURE = ("create_stack", "update_stack", "create_change_set", "execute_change_set")


def install() -> None:
    calls = responses.CloudFormationResponse
    for name in WITH_ON_FAILURE:
        setattr(calls, name, _telling_on_failure(getattr(calls, name)))
    for call in (
        delete_change_set,
        describe_change_set,
        list_change_sets,
        delete_stack,
        describe_stack_resource,
        describe_stack_resources,
        list_stack_resources,
    ):
        setattr(calls, call.__name__, call)


def _telling_on_failure(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(call)
    def told(self: Any) -> Any:
        wanted = self._get_param("OnFailure") or self._get_param("OnStackFailure") or deployment.ROLLBACK
        if self._get_bool_param("DisableRollback", False):
            wanted = deployment.DO_NOTHING
        token = backend.on_failure.set(str(wanted))
        try:
            return call(self)
        finally:
            backend.on_failure.reset(token)

    return told


def delete_change_set(self: Any) -> Any:
    name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
    try:
        self.cloudformation_backend.delete_change_set(name, stack_name)
    except backend.ChangeSetNotFound:
        if not stack_name:  # AWS answers so for an id; a name that is not there is as good as deleted
            raise
    return EmptyResult()


def describe_change_set(self: Any) -> Any:
    name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
    return ActionResult(self.cloudformation_backend.describe_change_set(name, stack_name))


def list_change_sets(self: Any) -> Any:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    every = self.cloudformation_backend.list_change_sets()
    return ActionResult({"Summaries": [one for one in every if one.stack_id == stack.stack_id]})


def delete_stack(self: Any) -> Any:
    retained = frozenset(self._get_param("RetainResources", []) or [])
    self.cloudformation_backend.delete_stack(self._get_param("StackName"), retained)
    return EmptyResult()


def describe_stack_resource(self: Any) -> Any:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    name = self._get_param("LogicalResourceId")
    state = held_of(stack).states.get(name)
    if state is None:
        raise ValidationError(message=f"Resource {name} does not exist for stack {stack.name}")
    detail = {**_told(stack, state), "LastUpdatedTimestamp": state.at}
    return ActionResult({"StackResourceDetail": detail})


def describe_stack_resources(self: Any) -> Any:
    wanted, physical = self._get_param("LogicalResourceId"), self._get_param("PhysicalResourceId")
    if self._get_param("StackName"):
        stacks = [self.cloudformation_backend.get_stack(self._get_param("StackName"))]
    else:
        stacks = list(self.cloudformation_backend.stacks.values())
    found = [
        {**_told(stack, state), "Timestamp": state.at}
        for stack in stacks
        for state in held_of(stack).states.values()
        if wanted in (None, state.name) and physical in (None, state.physical_id)
    ]
    return ActionResult({"StackResources": found})


def list_stack_resources(self: Any) -> Any:
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    states = held_of(stack).states.values()
    summaries = [{**_told(stack, state), "LastUpdatedTimestamp": state.at} for state in states]
    return ActionResult({"StackResourceSummaries": summaries})


def _told(stack: Any, state: ResourceState) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "LogicalResourceId": state.name,
        "PhysicalResourceId": state.physical_id,
        "ResourceType": state.kind,
        "ResourceStatus": state.status,
        "ResourceStatusReason": state.reason,
    }
