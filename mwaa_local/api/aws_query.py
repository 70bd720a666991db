"""EC2, IAM, KMS, STS and S3 of one endpoint, asked without a client library: botocore's clients cost the API 40 MB."""

from __future__ import annotations

import http.client
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 5.0
VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}  # of their APIs; each has only this
# The signature is not checked; which service is meant is read from the scope.
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential={key}/20000101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
)
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
KMS_TARGET = "TrentService."  # the service's name in its JSON protocol (botocore, kms)
KMS_ABSENT = "NotFoundException"
LISTS = ("item", "member")  # elements that stand for one of several, in EC2 and in IAM


class NoAnswer(Exception):
    """The endpoint does not answer, or not as AWS does. `status` is 0 where there is no answer at all."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class Absent(Exception):
    """What was asked for does not exist there. `code` is AWS's own; empty where it is no AWS that says so."""

    def __init__(self, what: str, code: str = "") -> None:
        super().__init__(what)
        self.code = code


@dataclass(frozen=True)
class Aws:
    """One endpoint, in one region."""

    endpoint_url: str
    region: str
    access_key_id: str = "local"

    def ec2(self, action: str, filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Return what EC2 describes. Raises NoAnswer."""
        query: dict[str, str] = {}
        for number, (name, values) in enumerate(filters.items(), 1):
            query[f"Filter.{number}.Name"] = name
            query.update({f"Filter.{number}.Value.{place}": value for place, value in enumerate(values, 1)})
        try:
            return self._query("ec2", action, query)
        except Absent as error:  # a page that is not there: what answers has no EC2
            raise NoAnswer(f"ec2 is not there: {error}") from error

    def iam(self, action: str, **parameters: str) -> dict[str, Any]:
        """Return the result of a call of IAM. Raises Absent and NoAnswer."""
        return self._result("iam", action, parameters)

    def kms(self, action: str, **parameters: str) -> dict[str, Any]:
        """Return the result of a call of KMS. Raises Absent and NoAnswer."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{KMS_TARGET}{action}"}
        status, text = self._exchange("kms", "POST", "/", json.dumps(parameters).encode(), headers)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise NoAnswer(str(error), status) from error
        if not isinstance(found, dict):
            raise NoAnswer(f"kms does not answer {action} as AWS does", status)
        if (code := str(found.get("__type", "")).rpartition("#")[2]) == KMS_ABSENT:
            raise Absent(action, code)
        if status != http.client.OK:
            raise NoAnswer(f"kms answered {status}", status)
        return found

    def sts(self, action: str) -> dict[str, Any]:
        """Return the result of a call of STS. Raises Absent and NoAnswer."""
        return self._result("sts", action, {})

    def bucket(self, name: str, part: str) -> dict[str, Any]:
        """Return a subresource of a bucket, such as `versioning`. Raises Absent and NoAnswer."""
        return self._ask("s3", "GET", f"/{quote(name)}?{part}", b"")

    def _result(self, service: str, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        answer = self._query(service, action, parameters)
        if f"{action}Result" not in answer:
            raise NoAnswer(f"{service} does not answer {action} as AWS does")
        found = answer[f"{action}Result"]
        return found if isinstance(found, dict) else {}

    def _query(self, service: str, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        body = urlencode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()
        return self._ask(service, "POST", "/", body)

    def _ask(self, service: str, method: str, path: str, body: bytes) -> dict[str, Any]:
        status, text = self._exchange(service, method, path, body, FORM)
        if status == http.client.NOT_FOUND:
            raise Absent(path, _code(text))
        if status != http.client.OK:
            raise NoAnswer(f"{service} answered {status}", status)
        try:
            found = plain(ET.fromstring(text))
        except ET.ParseError as error:
            raise NoAnswer(str(error)) from error
        return found if isinstance(found, dict) else {}

    def _exchange(
        self, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Return status and body of an answer. Raises NoAnswer."""
        try:
            parts = urlsplit(self.endpoint_url)
            connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        except (ValueError, http.client.HTTPException) as error:  # an address that is none, in a variable
            raise NoAnswer(str(error)) from error
        authorization = AUTHORIZATION.format(key=self.access_key_id, region=self.region, service=service)
        try:
            sent = {"Authorization": authorization, **headers}
            connection.request(method, parts.path.rstrip("/") + path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(error)) from error
        finally:
            connection.close()


def plain(element: ET.Element) -> Any:
    """Return an element as a dict, a list or a text, without namespaces."""
    children = list(element)
    if not children:
        return element.text or ""
    if all(_name(child) in LISTS for child in children):
        return [plain(child) for child in children]
    return {_name(child): plain(child) for child in children}


def listed(value: Any) -> list[Any]:
    """Return a list that may be empty: an element without children reads as a text."""
    return value if isinstance(value, list) else []


def _code(text: bytes) -> str:
    """Return the code of an error; empty where it is none of AWS."""
    try:
        return next((element.text or "" for element in ET.fromstring(text).iter() if _name(element) == "Code"), "")
    except ET.ParseError:
        return ""


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
