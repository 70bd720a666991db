"""The stacks of one account and region, and what they export to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.cloudformation import models, parsing  # type: ignore[import-not-found]
from moto.cloudformation.exceptions import ValidationError  # type: ignore[import-not-found]

from .held import held_of

IMPORT = "Fn::ImportValue"


def backend_of(stack: Any) -> Any:
    return models.cloudformation_backends[stack.account_id][stack.region_name]


def all_stacks() -> Iterator[Any]:
    for regions in list(models.cloudformation_backends.values()):
        for backend in list(regions.values()):
            yield from list(backend.stacks.values())


def unfinished() -> list[Any]:
    return [stack for stack in all_stacks() if held_of(stack).deployment is not None]


def export(stack: Any, exports: Mapping[str, Any]) -> None:
    """Let other stacks see these exports of the stack, and no others of it. Raises ValidationError."""
    known = backend_of(stack).exports
    for name in exports:
        if name in known and known[name].exporting_stack_id != stack.stack_id:
            raise ValidationError(message=f"Export with name {name} is already exported by stack {_owner(known[name])}")
    for name in [name for name, one in known.items() if one.exporting_stack_id == stack.stack_id]:
        if name not in exports:
            check_unused(stack, name)
            del known[name]
    known.update(exports)


def check_unused(stack: Any, name: str) -> None:
    """Raise ValidationError, in AWS's words, where another stack imports that export."""
    users = [other.name for other in backend_of(stack).stacks.values() if name in _imports(other)]
    if users:
        raise ValidationError(message=f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}")


def exports_of(stack: Any) -> list[str]:
    return [name for name, one in backend_of(stack).exports.items() if one.exporting_stack_id == stack.stack_id]


def bury(stack: Any) -> None:
    """Move a deleted stack to those that are found by their id alone."""
    backend = backend_of(stack)
    for name in exports_of(stack):
        del backend.exports[name]
    backend.stacks.pop(stack.stack_id, None)
    backend.deleted_stacks[stack.stack_id] = stack
    for key in [key for key, one in backend.change_sets.items() if one.stack_id == stack.stack_id]:
        del backend.change_sets[key]


def _owner(one: Any) -> str:
    return str(one.exporting_stack_id).split("/")[1]


def _imports(stack: Any) -> set[str]:
    return {str(parsing.clean_json(value, stack.resource_map)) for value in _values(stack.template_dict, IMPORT)}


def _values(part: Any, key: str) -> Iterator[Any]:
    if isinstance(part, list):
        for item in part:
            yield from _values(item, key)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == key:
                yield value
            else:
                yield from _values(value, key)
