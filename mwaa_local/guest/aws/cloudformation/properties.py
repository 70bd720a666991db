"""`AWS::MWAA::Environment`: its properties and attributes, and what a change of each of them takes; as data.

Source: the resource's schema, as aws-cdk 2.1148.1 ships it, and aws-cloudformation-resource-providers-mwaa, whose
handlers AWS published: what CloudFormation calls the service with, and what it does with the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESOURCE_TYPE = "AWS::MWAA::Environment"
NAME, TAGS = "Name", "Tags"


@dataclass(frozen=True)
class Property:
    """One property: in which calls the member of the same name goes, and whether a change makes a new environment."""

    in_create: bool = True
    in_update: bool = True
    replaces: bool = False


_BOTH = Property()
_ONCE = Property(in_update=False, replaces=True)

PROPERTIES: Mapping[str, Property] = {
    "AirflowConfigurationOptions": _BOTH,
    "AirflowVersion": _BOTH,
    "DagS3Path": _BOTH,
    "EndpointManagement": _ONCE,
    "EnvironmentClass": _BOTH,
    "ExecutionRoleArn": _BOTH,
    "KmsKey": _ONCE,
    "LoggingConfiguration": _BOTH,
    "MaxWebservers": _BOTH,
    "MaxWorkers": _BOTH,
    "MinWebservers": _BOTH,
    "MinWorkers": _BOTH,
    NAME: Property(replaces=True),
    "NetworkConfiguration": _BOTH,  # SubnetIds: NESTED_ONCE
    "PluginsS3ObjectVersion": _BOTH,
    "PluginsS3Path": _BOTH,
    "RequirementsS3ObjectVersion": _BOTH,
    "RequirementsS3Path": _BOTH,
    "Schedulers": _BOTH,
    "SourceBucketArn": _BOTH,
    "StartupScriptS3ObjectVersion": _BOTH,
    "StartupScriptS3Path": _BOTH,
    TAGS: Property(in_update=False),  # by TagResource and UntagResource
    "WebserverAccessMode": _BOTH,
    "WeeklyMaintenanceWindowStart": _BOTH,
    "WorkerReplacementStrategy": Property(in_create=False),
}
NESTED_ONCE = (("NetworkConfiguration", "SubnetIds"),)
INTEGERS = ("MaxWebservers", "MaxWorkers", "MinWebservers", "MinWorkers", "Schedulers")
TEXTS_BY_NAME = ("AirflowConfigurationOptions", TAGS)  # JSON in a template; the service takes texts

LOG_KINDS = ("DagProcessingLogs", "SchedulerLogs", "TaskLogs", "WebserverLogs", "WorkerLogs")
LOG_GROUP = "CloudWatchLogGroupArn"  # "any value you provide is discarded", says its documentation
ATTRIBUTES = (
    "Arn",
    "CeleryExecutorQueue",
    "DatabaseVpcEndpointService",
    "WebserverUrl",
    "WebserverVpcEndpointService",
    *(f"LoggingConfiguration.{kind}.{LOG_GROUP}" for kind in LOG_KINDS),
)


def create_members(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what CreateEnvironment is called with."""
    return {key: _as_api(key, value) for key, value in properties.items() if _of(key).in_create}


def update_members(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what UpdateEnvironment is called with."""
    members = {key: _as_api(key, value) for key, value in properties.items() if _of(key).in_update}
    for key, nested in NESTED_ONCE:
        if kept := {name: value for name, value in (members.pop(key, None) or {}).items() if name != nested}:
            members[key] = kept
    return members


def unknown(properties: Mapping[str, Any]) -> list[str]:
    return sorted(set(properties) - set(PROPERTIES))


def replaced_by(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the changed properties that take a new environment."""
    changed = [key for key, known in PROPERTIES.items() if known.replaces and old.get(key) != new.get(key)]
    for key, nested in NESTED_ONCE:
        before, after = old.get(key) or {}, new.get(key) or {}
        if before.get(nested) != after.get(nested):
            changed.append(f"{key}/{nested}")
    return changed


def _of(key: str) -> Property:
    return PROPERTIES.get(key, Property(in_create=False, in_update=False))


def _as_api(key: str, value: Any) -> Any:
    if key in TEXTS_BY_NAME and isinstance(value, Mapping):
        return {str(name): _text(item) for name, item in value.items()}
    if key in INTEGERS and isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if key == "LoggingConfiguration" and isinstance(value, Mapping):
        return {kind: _logging(module) for kind, module in value.items()}
    return value


def _logging(module: Any) -> Any:
    if not isinstance(module, Mapping):
        return module
    kept = {name: value for name, value in module.items() if name != LOG_GROUP}
    if isinstance(kept.get("Enabled"), str):  # a parameter is always a text
        kept["Enabled"] = kept["Enabled"].lower() == "true"
    return kept


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
