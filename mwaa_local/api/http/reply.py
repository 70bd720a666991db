"""Answers in the form of AWS's JSON over REST, as botocore and every other client of MWAA reads them.

Source: botocore, `parsers.py` (RestJSONParser); Smithy 2.0, "AWS restJson1 protocol".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mwaa_local.api.http.errors import COMMON_STATUSES, ServiceError
from mwaa_local.api.http.routes import Operation
from mwaa_local.environment.service_model import ServiceModel

JSON_TYPE = "application/json"
ERROR_HEADER = "x-amzn-ErrorType"
MESSAGE_NAMES = ("message", "Message")  # AccessDeniedException alone has the second


@dataclass(frozen=True)
class Reply:
    """An answer: status, body, and headers besides those that every answer has."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def of_result(model: ServiceModel, operation: Operation, result: Mapping[str, Any]) -> Reply:
    """Return the answer that holds the members of an operation's result; None counts as not there."""
    return Reply(operation.status, _json(_plain(model, operation.output_shape, result)))


def of_error(model: ServiceModel, error: ServiceError) -> Reply:
    """Return the answer that says what is wrong."""
    shape = model.shapes.get(error.code, {})
    status = shape["error"]["httpStatusCode"] if shape else COMMON_STATUSES[error.code]
    # Two errors have none in the model; clients show one all the same.
    named = [name for name in MESSAGE_NAMES if name in shape.get("members", ())] or MESSAGE_NAMES[: bool(error.message)]
    plain = {**error.members, **dict.fromkeys(named, error.message)}
    return Reply(status, _json(plain), headers={ERROR_HEADER: error.code})


def _plain(model: ServiceModel, shape_name: str, value: Any) -> Any:
    """Return a value as JSON has it. Members that the model does not know are left out: they would be ours."""
    shape = model.shapes[shape_name]
    if shape.get("document"):
        return value
    if shape["type"] == "structure":
        members = model.members(shape_name)
        given = {name: value[name] for name in members if value.get(name) is not None}
        return {name: _plain(model, members[name], item) for name, item in given.items()}
    if shape["type"] == "list":
        return [_plain(model, shape["member"]["shape"], item) for item in value]
    if shape["type"] == "map":
        return {key: _plain(model, shape["value"]["shape"], item) for key, item in value.items()}
    if shape["type"] == "timestamp":
        return value.timestamp() if isinstance(value, datetime) else value
    return value


def _json(plain: Any) -> bytes:
    return json.dumps(plain).encode()
