"""Which operation a request is, with the parameters in reach: by its headers, its form, or botocore's model.

Source: the protocols of botocore's models: JSON, RPC v2 CBOR, query and EC2, REST-JSON and REST-XML.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import deletions

LOOKED_AT_BYTES = 1 << 18  # of a JSON body: what names a resource stands at its top, data may be long
MAX_FIELDS = 5000  # of a form; metrics in old clients have thousands
# Signing name -> beginning of a path -> folder of botocore's models; else it is called as the signing name.
MODELS: Mapping[str, Mapping[str, str]] = {
    "airflow": {"": "mwaa"},
    "apigateway": {"/v2/": "apigatewayv2"},
    "elasticfilesystem": {"": "efs"},
    "es": {"/2021-01-01/": "opensearch", "": "es"},
    "aps": {"": "amp"},
    "iotdata": {"": "iot-data"},
    "mobiletargeting": {"": "pinpoint"},
    "s3": {"/v20180820/": "s3control", "": "s3"},
    "ses": {"": "sesv2"},
    "kafka": {"": "kafka"},
    "execute-api": {"": "apigatewaymanagementapi"},
}
IGNORED_QUERY = frozenset({"x-id"})  # of newer clients alone
_RPC_PATH = re.compile(r"/service/\w+/operation/(\w+)$")
_PART = re.compile(r"\{(\w+)(\+?)\}")
_HOST_BUCKET = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3[.-]|localhost(?::|$)|aws(?::|$))")

Environ = Mapping[str, Any]  # WSGI's (PEP 3333)


@dataclass(frozen=True)
class Found:
    """An operation, and the protocol in which it was asked: json, cbor, query, rest-json or rest-xml."""

    operation: str
    protocol: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    has_parameters: bool = True


def find(environ: Environ, signing_name: str, body: bytes) -> Found:
    """Return which operation a request of that service is; one without a name where it cannot be told."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Found(target.rpartition(".")[2], "json", *_json(body))
    path = _path(environ)
    if rpc := _RPC_PATH.search(path):
        is_cbor = environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor"
        return Found(rpc[1], "cbor" if is_cbor else "json", {}, has_parameters=False)
    query = form = _fields(environ.get("QUERY_STRING", ""))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = {**query, **_fields(body[:LOOKED_AT_BYTES].decode(errors="replace"))}
    if "Action" in form and signing_name != "s3":
        return Found(form["Action"], "query", _unlisted(form))
    return _by_model(environ, signing_name, path, query, body)


def _path(environ: Environ) -> str:
    """Return the path as it was written: a part of it may hold an ARN with an encoded slash."""
    raw = str(environ.get("RAW_URI") or environ.get("PATH_INFO", ""))
    return (raw if raw.startswith("/") else urlsplit(raw).path).partition("?")[0]


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}


def _json(body: bytes) -> tuple[Mapping[str, Any], bool]:
    try:
        value = json.loads(body or b"{}") if len(body) <= LOOKED_AT_BYTES else None
    except ValueError:
        value = None
    return (value, True) if isinstance(value, dict) else ({}, False)


def _unlisted(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a form's fields; `Names.member.1` and the like become one list."""
    found: dict[str, Any] = {}
    for name, value in form.items():
        head, _, number = name.rpartition(".")
        if number.isdecimal() and head:
            found.setdefault(head.removesuffix(".member"), []).append(value)
        else:
            found[name] = value
    return found


def _by_model(environ: Environ, signing_name: str, path: str, query: Mapping[str, str], body: bytes) -> Found:
    if signing_name == "s3":
        path = _with_bucket(environ, path)
    folders = MODELS.get(signing_name, {"": signing_name})
    name = next((folder for start, folder in folders.items() if path.startswith(start)), signing_name)
    protocol, routes = model_routes(name)
    headers = {key[5:].replace("_", "-").lower() for key in environ if key.startswith("HTTP_")}
    asked = {key for key in query if key not in IGNORED_QUERY}
    for route in routes.get(str(environ["REQUEST_METHOD"]), ()):
        match = route.path.fullmatch(path)
        if match and route.query <= asked and route.headers <= headers:
            inside, is_known = _json(body) if protocol == "rest-json" else ({}, True)
            more: dict[str, Any] = {}
            if "x-amz-copy-source" in headers:
                more["CopySource"] = unquote(environ["HTTP_X_AMZ_COPY_SOURCE"])
            parts = {key: unquote(value) for key, value in match.groupdict().items()}
            if signing_name == "s3" and route.operation == deletions.OPERATION:
                more[deletions.OBJECTS] = deletions.objects_of(body)
            return Found(route.operation, protocol, {**query, **inside, **parts, **more}, is_known or bool(parts))
    return Found("", protocol or "rest-json", {}, has_parameters=False)


def _with_bucket(environ: Environ, path: str) -> str:
    """Return the path as with the bucket in it, where the host's name has the bucket."""
    found = _HOST_BUCKET.match(environ.get("HTTP_HOST", ""))
    path = f"/{found['bucket']}{path}" if found else path
    return path.rstrip("/") or "/" if path.count("/") <= 2 else path


@dataclass(frozen=True)
class Route:
    """How an operation is written: its path, and what must be in query string and headers."""

    operation: str
    path: re.Pattern[str]
    query: frozenset[str]
    headers: frozenset[str]
    weight: tuple[int, int]


@functools.cache
def model_routes(name: str) -> tuple[str, Mapping[str, list[Route]]]:
    """Return a service's protocol, and its operations by method, the most particular first; none where unknown."""
    from botocore.exceptions import DataNotFoundError, UnknownServiceError
    from botocore.loaders import Loader

    try:
        model = Loader().load_service_model(name, "service-2")
    except (DataNotFoundError, UnknownServiceError):
        return "", {}
    routes: dict[str, list[Route]] = {}
    for operation, value in model["operations"].items():
        shape = model["shapes"].get(value.get("input", {}).get("shape"), {})
        http = value["http"]
        routes.setdefault(http["method"], []).append(_route(operation, http["requestUri"], shape))
    for each in routes.values():
        each.sort(key=lambda route: route.weight, reverse=True)
    return model["metadata"]["protocol"], routes


def _route(operation: str, uri: str, shape: Mapping[str, Any]) -> Route:
    plain, _, literals = uri.partition("?")
    query = {item.partition("=")[0] for item in literals.split("&") if item} - IGNORED_QUERY
    query |= set(_required(shape, "querystring"))
    headers = {name.lower() for name in _required(shape, "header")}
    names = {member.get("locationName", name): name for name, member in shape.get("members", {}).items()}
    pattern, end = "", 0
    for part in _PART.finditer(plain):
        pattern += re.escape(plain[end : part.start()])
        pattern += f"(?P<{names.get(part[1], part[1])}>{'.+' if part[2] else '[^/]+'})"
        end = part.end()
    pattern += re.escape(plain[end:])
    literal = len(_PART.sub("", plain))
    return Route(
        operation, re.compile(pattern), frozenset(query), frozenset(headers), (len(query) + len(headers), literal)
    )


def _required(shape: Mapping[str, Any], location: str) -> Iterator[str]:
    for name in shape.get("required", ()):
        member = shape["members"][name]
        if member.get("location") == location:
            yield member.get("locationName", name)
