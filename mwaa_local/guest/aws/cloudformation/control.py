"""The MWAA API, called as any client calls it: HTTP on the Unix socket of the project's control plane."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from ..control_plane import NOBODY, UNAVAILABLE, UnixConnection

SCOPE_DATE = "20200101"  # nobody checks the signature, only the names in it
NOT_FOUND = "ResourceNotFoundException"


class Refused(Exception):
    """An error that the MWAA API answered with."""

    def __init__(self, code: str, said: str, status: int, request_id: str) -> None:
        super().__init__(said)
        self.code, self.said, self.status, self.request_id = code, said, status, request_id


@dataclass(frozen=True)
class Control:
    """The control plane of one project."""

    socket_path: str

    def create(self, region: str, members: Mapping[str, Any]) -> None:
        self._call(region, "PUT", _environment(members["Name"]), _without_name(members))

    def update(self, region: str, members: Mapping[str, Any]) -> None:
        self._call(region, "PATCH", _environment(members["Name"]), _without_name(members))

    def delete(self, region: str, name: str) -> None:
        self._call(region, "DELETE", _environment(name))

    def get(self, region: str, name: str) -> dict[str, Any] | None:
        """Return GetEnvironment's `Environment`; None where there is none."""
        try:
            found: dict[str, Any] = self._call(region, "GET", _environment(name))["Environment"]
        except Refused as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return found

    def tag(self, region: str, arn: str, tags: Mapping[str, str]) -> None:
        self._call(region, "POST", _tags(arn), {"Tags": dict(tags)})

    def untag(self, region: str, arn: str, keys: Iterable[str]) -> None:
        query = urlencode([("tagKeys", key) for key in keys])
        self._call(region, "DELETE", f"{_tags(arn)}?{query}")

    def _call(self, region: str, method: str, path: str, members: Mapping[str, Any] | None = None) -> Any:
        body = b"" if members is None else json.dumps(members).encode()
        connection = UnixConnection(self.socket_path)
        try:
            connection.request(method, path, body, _headers(region))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(UNAVAILABLE, NOBODY, HTTPStatus.SERVICE_UNAVAILABLE, "") from error
        finally:
            connection.close()
        values = json.loads(content) if content else {}
        if answer.status >= HTTPStatus.BAD_REQUEST:
            code = (answer.getheader("x-amzn-ErrorType") or str(answer.status)).split(":")[0]
            said = str(values.get("message") or values.get("Message") or answer.reason)
            raise Refused(code, said, answer.status, answer.getheader("x-amzn-RequestId") or str(uuid.uuid4()))
        return values


def _headers(region: str) -> dict[str, str]:
    scope = f"local/{SCOPE_DATE}/{region}/airflow/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"
    return {"Content-Type": "application/json", "Authorization": signed, "User-Agent": "cloudformation"}


def _environment(name: str) -> str:
    return f"/environments/{quote(str(name), safe='')}"


def _tags(arn: str) -> str:
    return f"/tags/{quote(arn, safe='')}"


def _without_name(members: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != "Name"}
