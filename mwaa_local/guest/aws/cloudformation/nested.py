"""A stack as a resource of another one: waited for, changed in place, and failing with what is in it."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import models, utils  # type: ignore[import-not-found]
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException  # type: ignore[import-not-found]

from . import deployment
from .held import held_of
from .mends import Mend, Properties, Where

OUTPUTS = "Outputs."


class NestedFailed(Exception):
    """A nested stack was not made or changed; AWS's words."""


def install() -> None:
    models.Stack.is_created = _is_created
    models.Stack.is_gone = _is_gone
    models.Stack.get_cfn_attribute = _attribute
    models.Stack.physical_resource_id = property(lambda stack: stack.stack_id)


def _is_created(stack: Any) -> bool:
    if held_of(stack).deployment is not None:
        return False
    if stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return True
    verb = "updated" if stack.status.startswith("UPDATE") else "created"
    failed = [state for state in held_of(stack).states.values() if state.status.endswith("_FAILED") and state.reason]
    why = failed[0].reason if failed else stack.status_reason
    raise NestedFailed(f"Embedded stack {stack.stack_id} was not successfully {verb}: {why}")


def _is_gone(stack: Any) -> bool:
    if held_of(stack).deployment is not None:
        return False
    if stack.status == "DELETE_FAILED":
        raise NestedFailed(f"Embedded stack {stack.stack_id} was not successfully deleted: {stack.status_reason}")
    return True


def _attribute(stack: Any, name: str) -> Any:
    if name.startswith(OUTPUTS):
        for output in stack.output_map.values():
            if output is not None and output.key == name[len(OUTPUTS) :]:
                return output.value
    raise UnformattedGetAttTemplateException


def _updated(where: Where, stack: Any, _old: Properties, new: Properties) -> None:
    body = utils.get_stack_from_s3_url(new["TemplateURL"], account_id=where.account_id, partition=where.partition)
    parameters = {key: str(value) for key, value in (new.get("Parameters") or {}).items()}
    deployment.start_update(stack, body, parameters, deployment.ROLLBACK)


MENDS = {
    "AWS::CloudFormation::Stack": Mend(
        updated=_updated, deleted=lambda _where, stack, _properties: deployment.start_delete(stack)
    )
}
