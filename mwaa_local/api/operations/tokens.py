"""CreateCliToken and CreateWebLoginToken: tokens that the environment's front door takes."""

from __future__ import annotations

import hashlib
from typing import Any

from mwaa_local.api.face import Face, ServedEnvironment
from mwaa_local.api.http.call import Call
from mwaa_local.api.http.errors import ACCESS_DENIED, NOT_FOUND, VALIDATION, ServiceError, ours
from mwaa_local.door.tokens import CLI, WEB, mint
from mwaa_local.web_address import WebAddress

MAX_AIRFLOW_IDENTITY = 64  # characters; longer names are hashed (MWAA user guide, "Accessing the Airflow UI")
# MWAA's words (MWAA user guide, "Using the Apache Airflow REST API"); Airflow's MwaaHook looks for the middle of them.
NO_ROLE_TEXT = "No Airflow role granted in IAM."


def create_cli_token(call: Call, face: Face) -> dict[str, Any]:
    """Return a token for the door's CLI path, whose bearer is an admin there, as on MWAA."""
    environment = face.registry.find(call.members["Name"])
    hostname = open_door(environment, NOT_FOUND).host  # the only error that the model has here
    identity = face.callers.identity(call.caller.access_key_id)
    return {
        "CliToken": mint(environment.door_key, CLI, environment.name, user=identity.name, now=face.clock()),
        "WebServerHostname": hostname,
    }


def create_web_login_token(call: Call, face: Face) -> dict[str, Any]:
    """Return a token with which a browser signs in, in the role that the caller's policies allow."""
    environment = face.registry.find(call.members["Name"])
    hostname = open_door(environment, VALIDATION).host
    name, role = who_and_as_what(call, face, environment, "CreateWebLoginToken")
    return {
        "WebToken": mint(environment.door_key, WEB, environment.name, role=role, user=name, now=face.clock()),
        "WebServerHostname": hostname,
        "IamIdentity": name,
        "AirflowIdentity": _airflow_identity(name),
    }


def who_and_as_what(call: Call, face: Face, environment: ServedEnvironment, action: str) -> tuple[str, str]:
    """Return the caller's name in IAM, and the Airflow role that an action on the environment gives.

    Raises ServiceError where the caller's policies grant none.
    """
    identity = face.callers.identity(call.caller.access_key_id)
    role = face.callers.role(identity, action, face.role_arn_base(environment.name))
    if role is None:
        raise ServiceError(ACCESS_DENIED, NO_ROLE_TEXT)
    return identity.name, role


def open_door(environment: ServedEnvironment, code: str) -> WebAddress:
    """Return where an environment's door answers. Raises ServiceError with that code where none answers."""
    door = environment.door
    if door is None:
        raise ours(code, f"environment {environment.name} has no web server now: its status is {environment.status}")
    return door


def _airflow_identity(name: str) -> str:
    if len(name) <= MAX_AIRFLOW_IDENTITY:
        return name
    return hashlib.sha256(name.encode()).hexdigest()
