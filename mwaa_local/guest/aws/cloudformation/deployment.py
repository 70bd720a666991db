"""One operation on a stack, step by step: made in order, waited for, and taken back where something fails.

What there is to do stands in plain data (`held.Deployment`), so that it goes on after a restart. `advance` does all
that can be done now and returns; `watch.Watch` calls it again while something is waited for.
"""

from __future__ import annotations

import threading
from typing import Any

from . import accounts, clearing, making, template
from .events import OURS, reason_of, stack_is
from .held import Before, Deployment, Held, Leftover, held_of

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"
ROLLBACK, UPDATE_ROLLBACK = "ROLLBACK", "UPDATE_ROLLBACK"
DO_NOTHING = "DO_NOTHING"
BY_USER = "User Initiated"
# Held by whoever carries a deployment on. The lock around CloudFormation's requests is given up after some time.
AT_WORK = threading.RLock()


def start_create(stack: Any, body: Any, parameters: dict[str, str], on_failure: str) -> None:
    """Begin to make a stack. Raises moto's ValidationError, and TemplateInvalid, before anything was made."""
    _adopt(stack, body, parameters)
    wanted = template.in_order(template.needs(stack.template_dict["Resources"]))
    held = held_of(stack)
    held.deployment = Deployment(CREATE, wanted, on_failure=on_failure)
    stack_is(stack, "CREATE_IN_PROGRESS", BY_USER)
    advance(stack)


def start_update(stack: Any, body: Any, parameters: dict[str, str], on_failure: str, **more: Any) -> None:
    """Begin to change a stack; `more` are its new tags and role. Raises as `start_create`."""
    held = held_of(stack)
    before = Before(stack.template, dict(stack.parameters), frozenset(held.applied))
    try:
        _adopt(stack, body, parameters)
        wanted = template.in_order(template.needs(stack.template_dict["Resources"]))
    except Exception:
        _adopt(stack, before.template, dict(before.parameters))
        raise
    held.deployment = Deployment(UPDATE, wanted, before=before, on_failure=on_failure, **more)
    stack_is(stack, "UPDATE_IN_PROGRESS", BY_USER)
    advance(stack)


def start_delete(stack: Any, retained: frozenset[str] = frozenset()) -> None:
    """Begin to delete a stack, whatever it was about to do; `retained` resources stay as they are."""
    held = held_of(stack)
    former = held.deployment
    for name in retained:
        held.applied.pop(name, None)
        stack.resource_map.forget(name)
    leftovers = [*_everything(stack, held), *held.leftovers]
    held.leftovers = []
    if former is not None:
        known = {id(leftover.resource) for leftover in leftovers}
        also = [*former.replaced.values(), *former.leftovers]
        leftovers += [leftover for leftover in also if id(leftover.resource) not in known]
    held.deployment = Deployment(DELETE, leftovers=leftovers)
    stack_is(stack, "DELETE_IN_PROGRESS", BY_USER)
    advance(stack)


def advance(stack: Any) -> None:
    """Do what can be done now."""
    held = held_of(stack)
    with AT_WORK:
        while held.deployment is not None:
            if not _step(stack, held, held.deployment):
                return


def _step(stack: Any, held: Held, deployment: Deployment) -> bool:
    """Return whether anything changed, so that more may be possible."""
    if deployment.failed and deployment.kind != DELETE:
        _fail(stack, held, deployment)
        return True
    if deployment.waiting or deployment.running:
        return making.go_on(stack, held, deployment)
    if deployment.kind in (UPDATE, UPDATE_ROLLBACK) and not stack.status.endswith("_CLEANUP_IN_PROGRESS"):
        return _settle(stack, held, deployment)
    if deployment.leftovers:
        return clearing.go_on(stack, held, deployment)
    _finish(stack, held, deployment)
    return True


def _settle(stack: Any, held: Held, deployment: Deployment) -> bool:
    """All is as wanted: what no template wants any more is next."""
    if not _outputs_hold(stack, deployment):
        return True
    unwanted = [name for name in held.applied if not making.is_in_template(stack, name)]
    deployment.leftovers += [making.leftover(stack, held, name) for name in unwanted]
    deployment.leftovers += list(deployment.replaced.values())
    deployment.replaced = {}
    stack_is(stack, f"{deployment.kind}_COMPLETE_CLEANUP_IN_PROGRESS")
    return True


def _finish(stack: Any, held: Held, deployment: Deployment) -> None:
    kind = deployment.kind
    if kind == CREATE and not _outputs_hold(stack, deployment):
        return
    held.deployment = None
    if kind in (DELETE, ROLLBACK) and deployment.failed:
        stack_is(stack, f"{kind}_FAILED", f"The following resource(s) failed to delete: [{_names(deployment)}]. ")
        return
    if kind == UPDATE:
        stack.tags = dict(deployment.tags) if deployment.tags is not None else stack.tags
        stack.role_arn = deployment.role_arn or stack.role_arn
    stack_is(stack, f"{kind}_COMPLETE")
    if kind == DELETE:
        accounts.bury(stack)


def _outputs_hold(stack: Any, deployment: Deployment) -> bool:
    """Fill in the outputs, which only now all can be."""
    try:
        outputs = stack._create_output_map()
        exports = {export.name: export for export in outputs.exports}
        list(outputs.values())
        accounts.export(stack, exports)
    except Exception as error:  # noqa: BLE001  # whatever moto says of an output is the stack's failure
        deployment.failed["Outputs"] = reason_of(error)
        return False
    stack.output_map = outputs
    return True


def _fail(stack: Any, held: Held, deployment: Deployment) -> None:
    """Something could not be made: go back, as far as is wanted."""
    making.cancel_running(stack, deployment)
    kind = deployment.kind
    verb = "update" if kind in (UPDATE, UPDATE_ROLLBACK) else "create"
    said = f"The following resource(s) failed to {verb}: [{_names(deployment)}]. "
    if kind == UPDATE_ROLLBACK or deployment.on_failure == DO_NOTHING:
        held.deployment = None
        held.leftovers += [*deployment.leftovers, *deployment.replaced.values()]
        stack_is(stack, f"{kind}_FAILED", said)
    elif kind == UPDATE:
        _roll_back_update(stack, held, deployment, said)
    elif deployment.on_failure == DELETE:
        held.deployment = Deployment(DELETE, leftovers=_everything(stack, held))
        stack_is(stack, "DELETE_IN_PROGRESS", said)
    else:
        held.deployment = Deployment(ROLLBACK, leftovers=_everything(stack, held))
        stack_is(stack, "ROLLBACK_IN_PROGRESS", said + "Rollback requested by user.")


def _roll_back_update(stack: Any, held: Held, deployment: Deployment, said: str) -> None:
    before = deployment.before
    assert before is not None
    leftovers = [making.leftover(stack, held, name) for name in held.applied if name not in before.names]
    for name, old in deployment.replaced.items():
        if name in held.applied:
            leftovers.append(making.leftover(stack, held, name))
        held.applied[name] = old.applied
        stack.resource_map.put(name, old.resource)
    new = {leftover.name: leftover for leftover in leftovers if leftover.name not in before.names}
    kept = {name: applied for name, applied in held.applied.items() if name not in new}
    held.applied = kept
    _adopt(stack, before.template, dict(before.parameters))
    wanted = template.in_order(template.needs(stack.template_dict["Resources"]))
    held.deployment = Deployment(UPDATE_ROLLBACK, wanted, leftovers=leftovers, before=before)
    stack_is(stack, "UPDATE_ROLLBACK_IN_PROGRESS", said)


def _adopt(stack: Any, body: Any, parameters: dict[str, str]) -> None:
    """Let the stack have that template; what it has made stays known."""
    former, held = stack.resource_map, held_of(stack)
    stack.template, stack.parameters = body, parameters
    stack._parse_template()
    template.check(stack.template_dict)
    stack.description = stack.template_dict.get("Description")
    stack.cross_stack_resources = accounts.backend_of(stack).exports
    stack.resource_map = stack._create_resource_map()
    for name in held.applied:
        if (resource := former._parsed_resources.get(name)) is not None:
            stack.resource_map.put(name, resource)


def _everything(stack: Any, held: Held) -> list[Leftover]:
    return [making.leftover(stack, held, name) for name in held.applied]


def _names(deployment: Deployment) -> str:
    return ", ".join(deployment.failed)


def broken(stack: Any, error: BaseException) -> None:
    """Give up on a stack after an error of ours; a stack that stays in progress for ever helps nobody."""
    held = held_of(stack)
    kind = held.deployment.kind if held.deployment else UPDATE
    held.deployment = None
    stack_is(stack, f"{kind}_FAILED", f"{OURS}this is a bug: {type(error).__name__}: {error}")
