"""`AWS::MWAA::Environment`, as CloudFormation's handlers of it behave.

Source: aws-cloudformation-resource-providers-mwaa: which status ends a creation, an update and a deletion, what is
asked again, and what is said of a failure.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException  # type: ignore[import-not-found]
from moto.core.common_models import CloudFormationModel  # type: ignore[import-not-found]

from ..control_plane import UNAVAILABLE
from . import properties as known
from .control import NOT_FOUND, Control, Refused
from .events import OURS

# A role's policy made by the same stack may not be there yet: the handler asks 14 times and waits 2 ms, 4 ms, … in
# between, 16 s in all (CreateHandler, getCreateEnvironmentRetryer).
ASK_AGAIN_S = 16.0
FIRST_WAIT_S = 0.25
ASKED_AGAIN = ("ValidationException", "InternalServerException")
# The API may be started anew meanwhile.
NO_ANSWER_S = 120.0
MADE = ("AVAILABLE", "PENDING")  # PENDING: the customer's endpoints may come from the same stack
BUSY = ("CREATING", "UPDATING", "ROLLING_BACK", "CREATING_SNAPSHOT", "PENDING", "MAINTENANCE")


class HandlerFailed(Exception):
    """A failure in the form in which CloudFormation tells of one."""

    def __init__(self, said: str, code: str, *, changed_nothing: bool = False) -> None:
        about = f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
        super().__init__(f'Resource handler returned message: "{said}" {about}')
        self.changed_nothing = changed_nothing


class PropertiesInvalid(Exception):
    """A template that does not fit the resource's schema, in CloudFormation's words."""

    changed_nothing = True

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"Properties validation failed for resource {name} with message:\n#: {why}")


class MwaaEnvironment(CloudFormationModel):  # type: ignore[misc]
    """One environment of a stack."""

    control: ClassVar[Control]
    former_tags: frozenset[str] = frozenset()  # keys that an update may have to remove
    wait_until = 0.0  # after which no answer is a failure; 0.0 while there are answers

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what counts in this process alone: the next one begins to wait anew."""
        return {key: value for key, value in vars(self).items() if key != "wait_until"}

    def __init__(self, region: str, logical_id: str, properties: Mapping[str, Any]) -> None:
        self.region, self.logical_id = region, logical_id
        self.name = str(properties[known.NAME])
        self.properties = dict(properties)
        self.is_made = False  # whether the service took the call: what it refused is not ours to delete
        self.is_deleting = False
        self.is_updating = False
        self.ask_until = time.time() + ASK_AGAIN_S
        self.ask_next = 0.0
        self.wait_s = FIRST_WAIT_S

    # What moto asks of a model.

    @staticmethod
    def cloudformation_type() -> str:
        return known.RESOURCE_TYPE

    @staticmethod
    def cloudformation_name_type() -> str:
        return known.NAME

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in known.ATTRIBUTES

    @property
    def physical_resource_id(self) -> str:
        return self.name

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        value: Any = self.control.get(self.region, self.name) or {}
        for part in attribute_name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if attribute_name not in known.ATTRIBUTES or value is None:
            raise UnformattedGetAttTemplateException
        return value

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> MwaaEnvironment:
        properties = cloudformation_json["Properties"]
        logical_id = str(more.get("LogicalId", resource_name))
        _check(logical_id, properties)
        made = cls(region_name, logical_id, properties)
        if cls.control.get(region_name, made.name) is not None:
            raise HandlerFailed(f"{made._described} already exists.", "AlreadyExists")
        made._ask()
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> MwaaEnvironment:
        original_resource._update(cloudformation_json["Properties"])
        return original_resource  # type: ignore[no-any-return]

    @property
    def _described(self) -> str:
        return f"Resource of type '{known.RESOURCE_TYPE}' with identifier '{self.name}'"

    # What deployments ask.

    def replaced_by(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        return known.replaced_by(old, new)

    def is_created(self) -> bool:
        """Return whether the environment is there, or changed. Raises HandlerFailed."""
        return self._answered(self._is_created)

    def _is_created(self) -> bool:
        if not self.is_made:
            if time.time() >= self.ask_next:
                self._ask()
            return False
        found = self.control.get(self.region, self.name)
        if found is None:
            raise HandlerFailed("Update failed, resource no longer exists", "NotStabilized")
        if not self.is_updating:
            return self._is_there(found)
        if not self._is_updated(found):
            return False
        self._retag(found)
        return True

    def delete(self, _account_id: str, _region: str) -> None:
        if self.is_made:
            self.is_deleting = self._answered(self._is_delete_taken)

    def is_gone(self) -> bool:
        """Return whether a deletion that began is over. Raises HandlerFailed."""
        return self._answered(self._is_gone)

    def _answered(self, ask: Callable[[], bool]) -> bool:
        """Return what was asked for; False while the API does not answer, but not for ever. Raises HandlerFailed."""
        try:
            found = ask()
        except Refused as error:
            if error.code != UNAVAILABLE or not self._may_wait():
                raise _failure(error) from error
            return False
        self.wait_until = 0.0
        return found

    def _may_wait(self) -> bool:
        self.wait_until = self.wait_until or time.time() + NO_ANSWER_S
        return time.time() < self.wait_until

    def _is_gone(self) -> bool:
        if not self.is_made:
            return True
        found = self.control.get(self.region, self.name)
        if found is None or found["Status"] == "DELETED":
            return True
        if not self.is_deleting:
            self.is_deleting = self._is_delete_taken()
        return False

    def _ask(self) -> None:
        try:
            self.control.create(self.region, known.create_members(self.properties))
        except Refused as error:
            if error.code not in ASKED_AGAIN or time.time() + self.wait_s > self.ask_until:
                raise _failure(error) from error
            self.ask_next = time.time() + self.wait_s
            self.wait_s *= 2
        else:
            self.is_made = True

    def _is_there(self, found: Mapping[str, Any]) -> bool:
        if found["Status"] == "CREATE_FAILED":
            raise HandlerFailed("Creation failed" + _ours(found), "NotStabilized")
        return found["Status"] in MADE

    def _is_updated(self, found: Mapping[str, Any]) -> bool:
        said = ((found.get("LastUpdate") or {}).get("Error") or {}).get("ErrorMessage", "")
        if found["Status"] == "UPDATE_FAILED":
            raise HandlerFailed(f"Update failed. {said}", "NotStabilized")
        if found["Status"] == "UNAVAILABLE":
            raise HandlerFailed(f"Update failed, Environment unavailable. {said}", "NotStabilized")
        return bool(found["Status"] == "AVAILABLE")

    def _update(self, properties: Mapping[str, Any]) -> None:
        _check(self.logical_id, properties)
        found = self.control.get(self.region, self.name)
        if found is None:
            raise HandlerFailed(f"{self._described} was not found.", "NotFound")
        try:
            self.control.update(self.region, known.update_members(properties))
        except Refused as error:
            raise _failure(error, changed_nothing=True) from error
        self.former_tags = frozenset(_tags(self.properties))
        self.properties, self.is_updating = dict(properties), True

    def _retag(self, found: Mapping[str, Any]) -> None:
        there, wanted = found.get("Tags") or {}, _tags(self.properties)
        if gone := sorted(self.former_tags & set(there) - set(wanted)):
            self.control.untag(self.region, found["Arn"], gone)
        if added := {key: value for key, value in wanted.items() if there.get(key) != value}:
            self.control.tag(self.region, found["Arn"], added)

    def _is_delete_taken(self) -> bool:
        """Ask for the deletion; False while the service is busy with something else."""
        try:
            self.control.delete(self.region, self.name)
        except Refused as error:
            if error.code == UNAVAILABLE:
                raise
            found = self.control.get(self.region, self.name)
            if error.code == NOT_FOUND or found is None:
                return True
            if found["Status"] in BUSY:
                return False
            raise _failure(error) from error
        return True


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return known.create_members(properties).get(known.TAGS) or {}


def _check(logical_id: str, properties: Mapping[str, Any]) -> None:
    if known.NAME not in properties:
        raise PropertiesInvalid(logical_id, f"required key [{known.NAME}] not found")
    for key in known.unknown(properties):
        raise PropertiesInvalid(logical_id, f"extraneous key [{key}] is not permitted")


def _failure(error: Refused, *, changed_nothing: bool = False) -> HandlerFailed:
    said = f"{error.said} (Service: Mwaa, Status Code: {error.status}, Request ID: {error.request_id})"
    code = "InvalidRequest" if error.code == "ValidationException" else "GeneralServiceException"
    return HandlerFailed(said, code, changed_nothing=changed_nothing)


def _ours(found: Mapping[str, Any]) -> str:
    """Return the service's error after a failed creation, which its handler keeps for itself."""
    error = (found.get("LastUpdate") or {}).get("Error") or {}
    return f" ({OURS}{error.get('ErrorCode')}: {error['ErrorMessage']})" if error.get("ErrorMessage") else ""
