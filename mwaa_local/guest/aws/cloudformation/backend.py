"""moto's stacks and change sets, with deployments of ours in the place of its own."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from moto.cloudformation import models  # type: ignore[import-not-found]
from moto.cloudformation.exceptions import (  # type: ignore[import-not-found]
    AlreadyExistsException,
    CloudFormationError,
    ValidationError,
)

from . import accounts, deployment
from .events import OURS
from .resources import Resources
from .template import TemplateInvalid, normalized

REVIEW = "REVIEW_IN_PROGRESS"
# From which a stack can be updated (AWS CloudFormation user guide, "Stack status codes").
UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED")
NO_CHANGES = "No updates are to be performed."

on_failure: ContextVar[str] = ContextVar("on_failure", default=deployment.ROLLBACK)  # of the request


class ChangeSetNotFound(CloudFormationError):  # type: ignore[misc]
    code = "ChangeSetNotFound"


class InvalidChangeSetStatus(CloudFormationError):  # type: ignore[misc]
    code = "InvalidChangeSetStatus"


_wake: list[Callable[[], None]] = []  # who sees to it that deployments go on


def install(wake: Callable[[], None]) -> None:
    _wake[:] = [wake]
    models.ResourceMap = Resources
    models.Stack.parse_template = staticmethod(_parser(models.Stack.parse_template))
    models.Stack.stack_resources = property(_stack_resources)
    models.Stack.stack_parameters = property(_given_parameters)
    backend = models.CloudFormationBackend
    backend.create_stack = _create_stack
    backend.update_stack = _update_stack
    backend.delete_stack = _delete_stack
    backend.create_change_set = _change_set_creator(backend.create_change_set)
    backend.execute_change_set = _execute_change_set
    backend.describe_change_set = find_change_set
    backend.delete_change_set = _delete_change_set


def _parser(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda body: normalized(parse(body))


def _stack_resources(stack: Any) -> list[Any]:
    found = (stack.resource_map._parsed_resources.get(name) for name in stack.resource_map.resources)
    return [resource for resource in found if resource is not None]


def _given_parameters(stack: Any) -> dict[str, Any]:
    """Return parameters as they were given, not what SSM had for them: an update may say to use them again."""
    known = stack.template_dict.get("Parameters") or {}
    defaults = {key: one["Default"] for key, one in known.items() if "Default" in one}
    return {**defaults, **stack.parameters}


def _started(start: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    try:
        with deployment.AT_WORK:
            start(*args, **kwargs)
    except TemplateInvalid as error:
        raise ValidationError(message=str(error)) from error
    except CloudFormationError:
        raise
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        said = f"{OURS}the local AWS cannot read this template: {type(error).__name__}: {error}"
        raise ValidationError(message=said) from error
    for wake in _wake:
        wake()


def _create_stack(
    self: Any,
    name: str,
    template: Any,
    parameters: dict[str, str],
    notification_arns: list[str] | None = None,
    tags: dict[str, str] | None = None,
    role_arn: str | None = None,
    enable_termination_protection: bool | None = False,
    timeout_in_mins: int | None = None,
    stack_policy_body: str | None = None,
) -> Any:
    if any(stack.name == name for stack in self.stacks.values()):
        raise AlreadyExistsException(f"Stack [{name}] already exists")
    stack = models.Stack(
        stack_id=models.generate_stack_id(name, self.region_name, self.account_id),
        name=name,
        template={},
        parameters={},
        account_id=self.account_id,
        region_name=self.region_name,
        notification_arns=notification_arns,
        tags=tags,
        role_arn=role_arn,
        enable_termination_protection=enable_termination_protection,
        timeout_in_mins=timeout_in_mins,
        stack_policy_body=stack_policy_body,
    )
    stack.disable_rollback = on_failure.get() == deployment.DO_NOTHING
    self.stacks[stack.stack_id] = stack
    try:
        _started(deployment.start_create, stack, template, parameters, on_failure.get())
    except Exception:
        self.stacks.pop(stack.stack_id, None)
        raise
    return stack


def check_updatable(stack: Any) -> None:
    if stack.status not in UPDATABLE:
        raise ValidationError(message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def _update_stack(
    self: Any, name: str, template: Any, role_arn: str | None, parameters: list[dict[str, Any]], tags: Any
) -> Any:
    stack = self.get_stack(name)
    check_updatable(stack)
    given = {one["ParameterKey"]: one for one in parameters}
    wanted = {
        key: stack.stack_parameters[key] if one.get("UsePreviousValue") else one["ParameterValue"]
        for key, one in given.items()
    }
    is_same = stack.has_template(template) and stack.has_parameters(wanted) and tags in (None, stack.tags)
    if is_same and stack.status != "UPDATE_FAILED":
        raise ValidationError(message=NO_CHANGES)
    _started(deployment.start_update, stack, template, wanted, on_failure.get(), tags=tags, role_arn=role_arn)
    return stack


def _delete_stack(self: Any, name_or_stack_id: str, retained: frozenset[str] = frozenset()) -> None:
    stacks = list(self.stacks.values())
    stack = next((one for one in stacks if name_or_stack_id in (one.name, one.stack_id)), None)
    if stack is None:
        return
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    for name in accounts.exports_of(stack):
        accounts.check_unused(stack, name)
    _started(deployment.start_delete, stack, retained)


def _change_set_creator(create: Callable[..., tuple[str, str]]) -> Callable[..., tuple[str, str]]:
    def create_change_set(self: Any, stack_name: str, change_set_name: str, **more: Any) -> tuple[str, str]:
        existing = next((one for one in self.stacks.values() if one.name == stack_name), None)
        if more["change_set_type"] == "CREATE" and existing is not None:
            if existing.status != REVIEW:
                raise AlreadyExistsException(f"Stack [{stack_name}] already exists and cannot be created again")
            accounts.bury(existing)  # nothing was made of it yet
        if more["change_set_type"] == "UPDATE" and existing is not None:
            check_updatable(existing)
        change_set_id, stack_id = create(self, stack_name, change_set_name, **more)
        self.change_sets[change_set_id].on_failure = on_failure.get()
        return change_set_id, stack_id

    return create_change_set


def find_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> Any:
    """Return a change set by its id, or by its name and stack: names are those of one stack alone."""
    if change_set_name in self.change_sets:
        return self.change_sets[change_set_name]
    for one in reversed(list(self.change_sets.values())):
        if one.change_set_name == change_set_name and stack_name in (None, one.stack_name, one.stack_id):
            return one
    raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist")


def _delete_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    self.change_sets.pop(find_change_set(self, change_set_name, stack_name).change_set_id, None)


def _execute_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    one = find_change_set(self, change_set_name, stack_name)
    if one.execution_status != "AVAILABLE":
        raise InvalidChangeSetStatus(
            f"ChangeSet [{one.change_set_id}] cannot be executed in its current status of [{one.status}]"
        )
    stack = self.stacks[one.stack_id]
    wanted = on_failure.get() if on_failure.get() != deployment.ROLLBACK else one.on_failure
    parameters: Mapping[str, str] = one.parameters
    if one.change_set_type == "CREATE":
        _started(deployment.start_create, stack, one.template, dict(parameters), wanted)
    else:
        check_updatable(stack)
        more = {"tags": one.tags or None, "role_arn": one.role_arn}
        _started(deployment.start_update, stack, one.template, dict(parameters), wanted, **more)
    one.execution_status = "EXECUTE_COMPLETE"
