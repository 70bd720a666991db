"""A request becomes a Call: by the model's paths, with the model's types, within the model's limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from mwaa_local.api.http.call import Call, Caller
from mwaa_local.api.http.errors import UNKNOWN_OPERATION, ours
from mwaa_local.api.http.routes import Labels, Routes
from mwaa_local.api.http.validation import check_members, refusal
from mwaa_local.api.http.values import Unfit, from_json, from_text, typed

MAX_QUERY_FIELDS = 1000  # far more than tag keys that MWAA takes


@dataclass(frozen=True)
class Request:
    """What came over the wire. `target` is path and query, still percent-encoded."""

    method: str
    target: str
    body: bytes


def parse(routes: Routes, request: Request, caller: Caller) -> Call:
    """Return the call that a request is. Raises ServiceError for one that is none, or breaks a rule."""
    try:
        labels = routes.find(request.method, request.target)
    except ValueError as error:
        raise ours(UNKNOWN_OPERATION, "this path is not percent-encoded UTF-8") from error
    if labels is None:
        raise ours(UNKNOWN_OPERATION, "MWAA has no operation with this method and path")
    try:
        members = _members(routes, labels, request)
    except Unfit as error:
        raise refusal(labels.operation, str(error)) from error
    check_members(routes.model, labels.operation, members)
    return Call(labels.operation.name, members, caller)


def _members(routes: Routes, labels: Labels, request: Request) -> dict[str, Any]:
    """Return the members of a request, from wherever the model has them: path, query, else the body."""
    shape = routes.model.shapes[labels.operation.input_shape]
    query = _query(request.target)
    found, in_body = {}, {}
    for name, member in shape["members"].items():
        location, place = member.get("location"), member.get("locationName", name)
        if location == "uri":
            found[name] = from_text(routes.model, member["shape"], [labels.values[place]], (name,))
        elif location == "querystring" and place in query:
            found[name] = from_text(routes.model, member["shape"], query[place], (name,))
        elif location is None:
            in_body[name] = member["shape"]
    given = from_json(request.body) if in_body else {}
    for name, shape_name in in_body.items():
        if given.get(name) is not None:
            found[name] = typed(routes.model, shape_name, given[name], (name,))
    return found


def _query(target: str) -> Mapping[str, list[str]]:
    try:
        pairs = parse_qsl(
            target.partition("?")[2], keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError as error:
        raise Unfit("the query must be percent-encoded UTF-8, and not endless") from error
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query
