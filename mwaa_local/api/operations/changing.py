"""CreateEnvironment, UpdateEnvironment, DeleteEnvironment: begun here, carried out by a worker."""

from __future__ import annotations

from typing import Any

from mwaa_local.api.face import Face
from mwaa_local.api.http.call import Call

NAME = "Name"


def create_environment(call: Call, face: Face) -> dict[str, Any]:
    face.registry.create(call.members)
    return {"Arn": face.arn(call.members[NAME])}


def update_environment(call: Call, face: Face) -> dict[str, Any]:
    name = call.members[NAME]
    face.registry.find(name).update({member: value for member, value in call.members.items() if member != NAME})
    return {"Arn": face.arn(name)}


def delete_environment(call: Call, face: Face) -> dict[str, Any]:
    face.registry.find(call.members[NAME]).delete()
    return {}
