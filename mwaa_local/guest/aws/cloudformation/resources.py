"""What is done with one resource, by moto's models and what is mended of them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from typing import Any

from moto.cloudformation import parsing  # type: ignore[import-not-found]
from moto.cloudformation.exceptions import ValidationError  # type: ignore[import-not-found]
from moto.utilities.utils import get_partition  # type: ignore[import-not-found]

from . import mends
from .mends import Mend, Where

CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


class NotHere(Exception):
    """A resource that this machine cannot have; our words."""


class Resources(parsing.ResourceMap):  # type: ignore[misc]
    """The resources of a stack; a look at one never makes it, which moto's own map does."""

    def __getitem__(self, key: str) -> Any:
        if key in self._parsed_resources:
            return self._parsed_resources[key]
        if key in self._resource_json_map:
            return None
        raise KeyError(key)

    def parse_ssm_parameter(self, value: str, value_type: str) -> Any:
        try:
            return super().parse_ssm_parameter(value, value_type)
        except AttributeError as error:  # of None: moto does not look whether it found one
            said = f"Unable to fetch parameters [{value}] from parameter store for this account."
            raise ValidationError(message=said) from error

    def put(self, name: str, resource: Any) -> None:
        self._parsed_resources[name] = resource

    def forget(self, name: str) -> None:
        self._parsed_resources.pop(name, None)


def install() -> None:
    """Let moto find the models that are ours; it looks for them once."""
    _mends()
    for found in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        found.cache_clear()


@functools.cache
def _mends() -> Mapping[str, Mend]:
    return mends.table()


def is_makeable(kind: str) -> bool:
    return kind in parsing.get_model_map() or kind.startswith(CUSTOM)


def name_property(kind: str) -> str:
    """Return the property in which a user may choose the name of such a resource, or nothing."""
    return str(parsing.get_name_type_map().get(kind) or "")


def is_wanted(stack: Any, name: str) -> bool:
    """Return whether the resource's condition holds."""
    condition = stack.template_dict["Resources"][name].get("Condition")
    return not condition or bool(stack.resource_map.lazy_condition_map[condition])


def resolved(stack: Any, name: str) -> dict[str, Any]:
    """Return the properties of a resource with its references filled in."""
    properties = stack.template_dict["Resources"][name].get("Properties") or {}
    return dict(parsing.clean_json(copy.deepcopy(properties), stack.resource_map))


def create(stack: Any, name: str, kind: str, properties: Mapping[str, Any]) -> Any:
    """Make a resource and return moto's object. Raises what moto raises, and NotHere."""
    if kind.startswith(CUSTOM):
        raise NotHere(f"{kind} needs a Lambda function that runs, which the local AWS does not have")
    mend = _mends().get(kind, Mend())
    known = {key: value for key, value in properties.items() if key not in mend.hidden}
    resource = parsing.parse_and_create_resource(
        name,
        {"Type": kind, "Properties": copy.deepcopy(known)},
        stack.resource_map,
        account_id=stack.account_id,
        region_name=stack.region_name,
    )
    if mend.created:
        mend.created(where(stack), resource, properties)
    return resource


def update(stack: Any, name: str, kind: str, resource: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    """Change a resource and return moto's object for it; None where moto cannot change it."""
    mend = _mends().get(kind, Mend())
    if mend.updated:
        mend.updated(where(stack), resource, old, new)
        return resource
    if hasattr(type(resource).update_from_cloudformation_json, "__isabstractmethod__"):
        return None
    changed = parsing.parse_and_update_resource(
        name,
        {"Type": kind, "Properties": copy.deepcopy(dict(new))},
        stack.resource_map,
        account_id=stack.account_id,
        region_name=stack.region_name,
    )
    if mend.created and changed is not resource:
        mend.created(where(stack), changed, new)
    return changed


def delete(stack: Any, kind: str, resource: Any, properties: Mapping[str, Any]) -> bool:
    """Delete a resource; False where moto cannot."""
    mend = _mends().get(kind, Mend())
    if mend.deleted:
        mend.deleted(where(stack), resource, properties)
        return True
    if hasattr(resource, "delete"):
        _delete_by_itself(stack, resource)
        return True
    model = type(resource)
    if hasattr(model.delete_from_cloudformation_json, "__isabstractmethod__"):
        return False
    as_template = {"Type": kind, "Properties": copy.deepcopy(dict(properties))}
    model.delete_from_cloudformation_json(physical_id(resource), as_template, stack.account_id, stack.region_name)
    return True


def _delete_by_itself(stack: Any, resource: Any) -> None:
    if resource.delete.__code__.co_argcount == 1:  # moto has both forms
        resource.delete()
    else:
        resource.delete(stack.account_id, stack.region_name)


def physical_id(resource: Any) -> str:
    found = getattr(resource, "physical_resource_id", None)
    return str(found) if found is not None and not callable(found) else ""


def remark_of(resource: Any) -> str:
    """Return what there is to say of a resource that was made, of models of ours."""
    return resource.remark if isinstance(getattr(resource, "remark", None), str) else ""


def replaced_by(resource: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the changed properties for which a new resource is made, of models of ours."""
    judge = getattr(resource, "replaced_by", None)
    return list(judge(old, new)) if judge else []


def is_ready(resource: Any) -> bool:
    """Return whether a begun resource is there. Raises what its failure is."""
    return bool(resource.is_created()) if hasattr(resource, "is_created") else True


def is_gone(resource: Any) -> bool:
    """Return whether a resource whose deletion began is gone. Raises what its failure is."""
    judge = getattr(resource, "is_gone", None)
    return bool(judge()) if judge else True


def where(stack: Any) -> Where:
    return Where(stack.account_id, stack.region_name, get_partition(stack.region_name))
