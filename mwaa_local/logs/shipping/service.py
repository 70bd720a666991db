"""CloudWatch Logs of one endpoint, over one connection that is kept: a client library would cost 40 MB."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mwaa_local.errors import NotNow
from mwaa_local.logs.events import LogEvent

TIMEOUT_S = 20.0  # a local AWS that writes down what it holds lets others wait
# Signing name -> the service's name in its JSON protocol (botocore).
LOGS, KMS = "logs", "kms"
TARGETS = {LOGS: "Logs_20140328.", KMS: "TrentService."}
# The signature is not checked; which service is meant is read from the scope.
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=local/20000101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
)
EXISTS, ABSENT = "ResourceAlreadyExistsException", "ResourceNotFoundException"


class Away(NotNow):
    """No answer, or one that is none of CloudWatch Logs: another try may work."""


class Refused(Exception):
    """An error of the service's own; `code` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class LogService:
    """What the shipper asks for; one thread at a time. `key` is that of the environment, by its id or ARN."""

    def __init__(self, url: str, region: str, key: str = "") -> None:
        self.url = url
        self._region, self._key = region, key
        self._connection: http.client.HTTPConnection | None = None

    def groups(self, prefix: str) -> set[str]:
        """Return the groups whose names begin so, 50 at most. Raises Away and Refused."""
        answer = self._call("DescribeLogGroups", {"logGroupNamePrefix": prefix})
        found = answer.get("logGroups")
        return {str(group.get("logGroupName")) for group in found} if isinstance(found, list) else set()

    def make_group(self, group: str) -> None:
        """Make a group unless it is there, with the environment's key where that is. Raises Away and Refused.

        MWAA user guide, "Using customer managed keys for encryption": the key is for CloudWatch Logs, too.
        """
        named = {"logGroupName": group}
        if arn := self._key_arn():
            with contextlib.suppress(Refused):  # a key that cannot be used must lose no line
                self._make("CreateLogGroup", {**named, "kmsKeyId": arn})
                return
        self._make("CreateLogGroup", named)

    def _key_arn(self) -> str:
        if not self._key:
            return ""
        try:
            found = self._call("DescribeKey", {"KeyId": self._key.removeprefix("key/")}, KMS).get("KeyMetadata")
        except (Away, Refused):  # there is no such key, or no KMS
            return ""
        arn = str(found.get("Arn", "")) if isinstance(found, Mapping) else ""
        return arn if not self._key.startswith("arn:") or self._key == arn else ""  # moto looks at the id alone

    def make_stream(self, group: str, stream: str) -> None:
        """Make a stream, and its group, unless they are there. Raises Away and Refused."""
        parameters = {"logGroupName": group, "logStreamName": stream}
        try:
            self._make("CreateLogStream", parameters)
        except Refused as error:
            if error.code != ABSENT:
                raise
            self.make_group(group)
            self._make("CreateLogStream", parameters)

    def put(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Put one batch into a stream, which is made where it is not there. Raises Away and Refused."""
        parameters = {
            "logGroupName": group,
            "logStreamName": stream,
            "logEvents": [{"timestamp": event.time_ms, "message": event.message} for event in events],
        }
        try:
            self._call("PutLogEvents", parameters)
        except Refused as error:
            if error.code != ABSENT:
                raise
            self.make_stream(group, stream)
            self._call("PutLogEvents", parameters)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _make(self, operation: str, parameters: Mapping[str, Any]) -> None:
        try:
            self._call(operation, parameters)
        except Refused as error:
            if error.code != EXISTS:
                raise

    def _call(self, operation: str, parameters: Mapping[str, Any], service: str = LOGS) -> dict[str, Any]:
        is_new = self._connection is None
        try:
            status, body = self._post(service, operation, json.dumps(parameters).encode())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if is_new or isinstance(error, TimeoutError):
                raise Away(f"{self.url} does not answer: {error}") from error
            return self._call(operation, parameters, service)  # the other end had closed a connection that was idle
        try:
            answer = json.loads(body or b"{}")
        except ValueError:
            answer = None
        if status == http.client.OK and isinstance(answer, dict):
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2] if isinstance(answer, dict) else ""
        if not code or status >= http.client.INTERNAL_SERVER_ERROR:
            raise Away(f"{self.url} answers {operation} with {status}")
        raise Refused(code, str(answer.get("message", "")))

    def _post(self, service: str, operation: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        if self._connection is None:
            connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        headers = {
            "Authorization": AUTHORIZATION.format(region=self._region, service=service),
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": TARGETS[service] + operation,
        }
        self._connection.request("POST", f"{parts.path.rstrip('/')}/", body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()
