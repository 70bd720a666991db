"""PublishMetrics: taken and dropped. It is for MWAA's own parts, and no longer available to others."""

from __future__ import annotations

from typing import Any

from mwaa_local.api.face import Face
from mwaa_local.api.http.call import Call
from mwaa_local.api.http.errors import VALIDATION, ServiceError, ours


def publish_metrics(call: Call, face: Face) -> dict[str, Any]:
    try:
        face.registry.find(call.members["EnvironmentName"])
    except ServiceError as error:  # the model has no ResourceNotFoundException here
        raise ours(VALIDATION, f"there is no environment {call.members['EnvironmentName']!r} here") from error
    return {}
