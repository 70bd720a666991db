"""Resources made and changed, each after all that it needs."""

from __future__ import annotations

from typing import Any

from . import resources, template
from .events import OURS, reason_of, resource_is
from .held import Applied, Deployment, Held, Leftover

NEW_ONE = "Requested update requires the creation of a new physical resource; hence creating one."
BEGUN = "Resource creation Initiated"


def is_in_template(stack: Any, name: str) -> bool:
    return name in stack.template_dict["Resources"] and resources.is_wanted(stack, name)


def leftover(stack: Any, held: Held, name: str) -> Leftover:
    applied = held.applied[name]
    return Leftover(name, applied, stack.resource_map._parsed_resources.get(name), applied.deletion_policy)


def go_on(stack: Any, held: Held, deployment: Deployment) -> bool:
    """Begin what can begin and look at what was begun; return whether anything changed."""
    changed = False
    for name in list(deployment.running):
        changed = _look(stack, held, deployment, name) or changed
        if deployment.failed:
            return True
    needs = template.needs(stack.template_dict["Resources"])
    for name in list(deployment.waiting):
        if needs[name] - set(deployment.done):
            continue
        deployment.waiting.remove(name)
        _begin(stack, held, deployment, name)
        changed = True
        if deployment.failed:
            return True
    return changed


def cancel_running(stack: Any, deployment: Deployment) -> None:
    """Tell of what was still being made when something else failed."""
    for name in deployment.running:
        state = deployment_verb(deployment, name)
        word = "creation" if state == "CREATE" else "update"
        resource_is(stack, name, _kind(stack, name), f"{state}_FAILED", f"Resource {word} cancelled")
    deployment.running = []


def deployment_verb(deployment: Deployment, name: str) -> str:
    return deployment.verbs.get(name, "CREATE")


def _kind(stack: Any, name: str) -> str:
    return str(stack.template_dict["Resources"][name]["Type"])


def _look(stack: Any, held: Held, deployment: Deployment, name: str) -> bool:
    resource = stack.resource_map[name]
    try:
        if not resources.is_ready(resource):
            return False
    except Exception as error:  # noqa: BLE001  # a resource's failure is the stack's, whatever it is
        _failed(stack, deployment, name, reason_of(error))
        return True
    deployment.running.remove(name)
    deployment.done.append(name)
    held.applied[name].is_uncertain = False
    physical = resources.physical_id(resource)
    status = f"{deployment_verb(deployment, name)}_COMPLETE"
    remark = deployment.remarks.pop(name, None) or resources.remark_of(resource)
    resource_is(stack, name, _kind(stack, name), status, f"{OURS}{remark}" if remark else None, physical=physical)
    return True


def _begin(stack: Any, held: Held, deployment: Deployment, name: str) -> None:
    if not is_in_template(stack, name):
        deployment.done.append(name)
        return
    kind, applied = _kind(stack, name), held.applied.get(name)
    try:
        properties = resources.resolved(stack, name)
        if applied is None:
            _create(stack, held, deployment, name, properties)
        elif applied.kind != kind:
            _replace(stack, held, deployment, name, properties)
        elif applied.properties == properties and not applied.is_uncertain:
            applied.deletion_policy = _policy(stack, name, "DeletionPolicy")
            deployment.done.append(name)
        elif changed := resources.replaced_by(stack.resource_map[name], applied.properties, properties):
            _check_name(stack, name, applied, properties, changed)
            _replace(stack, held, deployment, name, properties)
        else:
            _update(stack, held, deployment, name, properties)
    except Exception as error:  # noqa: BLE001  # as above
        _failed(stack, deployment, name, reason_of(error))


def _create(stack: Any, held: Held, deployment: Deployment, name: str, properties: dict[str, Any]) -> None:
    kind, verb = _kind(stack, name), deployment.verbs.setdefault(name, "CREATE")
    if verb == "CREATE":
        resource_is(stack, name, kind, "CREATE_IN_PROGRESS")
    applied = _applied(stack, name, properties)
    resource = None
    if resources.is_makeable(kind):
        resource = resources.create(stack, name, kind, properties)
    if resource is None:
        held.applied[name] = applied
        deployment.done.append(name)
        resource_is(stack, name, kind, f"{verb}_COMPLETE", f"{OURS}not made, since the local AWS has no {kind}")
        return
    stack.resource_map.put(name, resource)
    held.applied[name] = applied
    resource_is(stack, name, kind, f"{verb}_IN_PROGRESS", BEGUN, physical=resources.physical_id(resource))
    deployment.running.append(name)


def _replace(stack: Any, held: Held, deployment: Deployment, name: str, properties: dict[str, Any]) -> None:
    old = leftover(stack, held, name)
    old.policy = old.applied.replace_policy
    deployment.replaced[name] = old
    deployment.verbs[name] = "UPDATE"
    resource_is(stack, name, _kind(stack, name), "UPDATE_IN_PROGRESS", NEW_ONE)
    del held.applied[name]
    stack.resource_map.forget(name)
    _create(stack, held, deployment, name, properties)


def _update(stack: Any, held: Held, deployment: Deployment, name: str, properties: dict[str, Any]) -> None:
    kind, applied = _kind(stack, name), held.applied[name]
    deployment.verbs[name] = "UPDATE"
    resource_is(stack, name, kind, "UPDATE_IN_PROGRESS")
    resource = stack.resource_map[name]
    changed = None
    if resource is not None:
        try:
            changed = resources.update(stack, name, kind, resource, applied.properties, properties)
        except Exception as error:
            applied.is_uncertain = not getattr(error, "changed_nothing", False)
            raise
    held.applied[name] = _applied(stack, name, properties)
    held.applied[name].is_uncertain = True
    if changed is None:
        deployment.remarks[name] = f"unchanged, since the local AWS cannot change a {kind}"
    else:
        stack.resource_map.put(name, changed)
    deployment.running.append(name)


def _check_name(stack: Any, name: str, applied: Applied, properties: dict[str, Any], changed: list[str]) -> None:
    """A resource with a name of the user's own cannot be made twice."""
    key = resources.name_property(applied.kind)
    if key and key not in changed and key in properties:
        raise resources.NotHere(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing."
            f" Rename {properties[key]} and update the stack again."
        )


def _failed(stack: Any, deployment: Deployment, name: str, reason: str) -> None:
    if name in deployment.running:
        deployment.running.remove(name)
    deployment.failed[name] = reason
    resource_is(stack, name, _kind(stack, name), f"{deployment_verb(deployment, name)}_FAILED", reason)


def _applied(stack: Any, name: str, properties: dict[str, Any]) -> Applied:
    needs = frozenset(template.needs(stack.template_dict["Resources"])[name])
    keep, replace = (_policy(stack, name, key) for key in ("DeletionPolicy", "UpdateReplacePolicy"))
    return Applied(_kind(stack, name), properties, needs, keep, replace)


def _policy(stack: Any, name: str, key: str) -> str:
    return str(stack.template_dict["Resources"][name].get(key, "Delete"))
