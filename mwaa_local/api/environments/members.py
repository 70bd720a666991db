"""The members of an environment: those of CreateEnvironment with its defaults, and what a change makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mwaa_local.api.http.errors import VALIDATION, ours
from mwaa_local.errors import MembersInvalid

if TYPE_CHECKING:  # who only reads a record should not pay for pydantic
    from mwaa_local.environment.environment import Environment

NAME, TAGS = "Name", "Tags"
VERSION = "AirflowVersion"
LOGGING, NETWORK, TEAMS = "LoggingConfiguration", "NetworkConfiguration", "Teams"
STRATEGY = "WorkerReplacementStrategy"
GRACEFUL = "GRACEFUL"  # of that; FORCED is the default
GRACEFUL_SINCE = "2.4.3"  # Airflow (MWAA user guide, "Updating an environment")
# Members that say where files of the source bucket are: with their versions, of those that have some.
SOURCE_MEMBERS = (
    "SourceBucketArn",
    "DagS3Path",
    "PluginsS3Path",
    "PluginsS3ObjectVersion",
    "RequirementsS3Path",
    "RequirementsS3ObjectVersion",
    "StartupScriptS3Path",
    "StartupScriptS3ObjectVersion",
)


def described(members: Mapping[str, Any]) -> Environment:
    """Return the environment that members of CreateEnvironment describe. Raises ServiceError for what breaks a rule."""
    from mwaa_local.environment.environment import Environment

    try:
        return Environment.from_members(members)
    except MembersInvalid as error:
        raise ours(VALIDATION, "; ".join(error.why.splitlines())) from error


def kept(environment: Environment) -> dict[str, Any]:
    """Return the members as a record has them: all defaults, and neither name nor tags, which it has apart."""
    return {name: value for name, value in environment.members().items() if name not in (NAME, TAGS)}


def changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members after an UpdateEnvironment with these changes.

    Options are replaced as a whole, as on MWAA. Of LoggingConfiguration and NetworkConfiguration what is named changes:
    the latter has no subnets in an update.
    """
    after = {**before}
    for name, value in changes.items():
        if name in (NAME, STRATEGY):
            continue
        if name in (LOGGING, NETWORK):
            after[name] = {**before.get(name, {}), **value}
        elif name == TEAMS:
            after[name] = _changed_teams(before.get(TEAMS, {}), value)
        else:
            after[name] = value
    return {name: value for name, value in after.items() if name != TEAMS or value}


def _changed_teams(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    gone = set(change.get("Remove", ()))
    return {name: team for name, team in {**before, **change.get("AddOrUpdate", {})}.items() if name not in gone}


def refuse_graceful(version: str, changes: Mapping[str, Any]) -> None:
    """Raise ServiceError for an update that is to replace workers gracefully where MWAA cannot; the words are ours."""
    from mwaa_local.release import Release

    if changes.get(STRATEGY) == GRACEFUL and not Release.load(version).is_at_least(GRACEFUL_SINCE):
        raise ours(VALIDATION, f"{STRATEGY} {GRACEFUL} needs Airflow {GRACEFUL_SINCE} or newer, not {version}")
