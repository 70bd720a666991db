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
from .models import models_of

LOOKED_AT_BYTES = 1 << 18  # of a JSON body: what names a resource stands at its top, data may be long
MAX_FIELDS = 5000  # of a form; metrics in old clients have thousands
IGNORED_QUERY = frozenset({"x-id"})  # of newer clients alone
_RPC_PATH = re.compile(r"/service/\w+/operation/(\w+)$")
_ACTION = re.compile(rb"(?:^|&)Action=([^&]*)")
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
    is_whole = True
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        is_whole = len(body) <= LOOKED_AT_BYTES and body.count(b"&") < MAX_FIELDS
        form = {**query, **_fields(body[:LOOKED_AT_BYTES].decode(errors="replace"))}
        if not is_whole and (action := _ACTION.search(body)):  # it may stand behind what is looked at
            form["Action"] = unquote(action[1].decode(errors="replace"))
    if "Action" in form and signing_name != "s3":
        return Found(form["Action"], "query", _unlisted(form), has_parameters=is_whole)
    return _by_model(environ, signing_name, path, query, body)


def _path(environ: Environ) -> str:
    """Return the path as it was written: a part of it may hold an ARN with an encoded slash."""
    raw = str(environ.get("RAW_URI") or environ.get("PATH_INFO", ""))
    return (raw if raw.startswith("/") else urlsplit(raw).path).partition("?")[0]


def _fields(text: str) -> dict[str, str]:
    return dict(parse_qsl("&".join(text.split("&", MAX_FIELDS)[:MAX_FIELDS]), keep_blank_values=True))


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
    protocol, routes = service_routes(signing_name)
    headers = {key[5:].replace("_", "-").lower() for key in environ if key.startswith("HTTP_")}
    asked = {key for key in query if key not in IGNORED_QUERY}
    for route in routes.get(str(environ["REQUEST_METHOD"]), ()):
        match = route.path.fullmatch(path)
        if match and route.query <= asked and route.headers <= headers:
            protocol = route.protocol
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
    protocol: str
    path: re.Pattern[str]
    query: frozenset[str]
    headers: frozenset[str]
    weight: tuple[int, int]


@functools.cache
def service_routes(signing_name: str) -> tuple[str, Mapping[str, list[Route]]]:
    """Return a service's protocol, and the operations of all models that are signed alike, by method.

    The most particular come first; there are none where the service is unknown.
    """
    routes: dict[str, list[Route]] = {}
    protocol = ""
    for name in models_of(signing_name):
        for method, route in _routes_of_model(name):
            protocol = protocol or route.protocol
            routes.setdefault(method, []).append(route)
    for each in routes.values():
        each.sort(key=lambda route: route.weight, reverse=True)
    return protocol, routes


def _routes_of_model(name: str) -> Iterator[tuple[str, Route]]:
    from botocore.exceptions import DataNotFoundError, UnknownServiceError
    from botocore.loaders import Loader

    try:
        model = Loader().load_service_model(name, "service-2")
    except (DataNotFoundError, UnknownServiceError):
        return
    protocol = model["metadata"]["protocol"]
    if not protocol.startswith("rest"):  # else each operation is a POST to the root
        return
    for operation, value in model["operations"].items():
        shape = model["shapes"].get(value.get("input", {}).get("shape"), {})
        http = value["http"]
        yield http["method"], _route(operation, protocol, http["requestUri"], shape)


def _route(operation: str, protocol: str, uri: str, shape: Mapping[str, Any]) -> Route:
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
    weight = (len(query) + len(headers), literal)
    return Route(operation, protocol, re.compile(pattern), frozenset(query), frozenset(headers), weight)


def _required(shape: Mapping[str, Any], location: str) -> Iterator[str]:
    for name in shape.get("required", ()):
        member = shape["members"][name]
        if member.get("location") == location:
            yield member.get("locationName", name)
