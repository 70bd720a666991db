"""How AWS refuses a call that no policy grants: its codes and words, in the protocol of the request.

Source: IAM user guide, "Troubleshoot access denied error messages"; codes of services that have their own from their
API references (SNS: AuthorizationError; EC2: UnauthorizedOperation).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..answers import StartResponse

CODE, CODE_OF_QUERY = "AccessDeniedException", "AccessDenied"
CODES = {"ec2": "UnauthorizedOperation", "sns": "AuthorizationError"}
# Services whose clients spoke the query protocol before, and read its code from a header (awsQueryCompatible).
ONCE_QUERY = ("sqs", "monitoring")
NOT_ALLOWED = "because no identity-based policy allows the {action} action"
SECRET_END = "-??????"  # iam/resources.py: of an ARN that was made of a name
DENIED = "with an explicit deny in an identity-based policy"


@dataclass(frozen=True)
class Refusal:
    """Why a call is refused. `who` is the ARN of the session in which MWAA's tasks call."""

    who: str
    action: str
    resource: str
    is_denied: bool  # by a statement; else no statement allows it

    @property
    def message(self) -> str:
        on = f" on resource: {self._named}"
        why = DENIED if self.is_denied else NOT_ALLOWED.format(action=self.action)
        return f"User: {self.who} is not authorized to perform: {self.action}{on} {why}"

    @property
    def _named(self) -> str:
        """Return the resource as the service writes it: a secret as it was asked for, S3's within quotes."""
        if self.resource.endswith(SECRET_END):
            return self.resource.split(":", 6)[6].removesuffix(SECRET_END)
        return f'"{self.resource}"' if ":s3:::" in self.resource else self.resource or "*"


def answer(
    start_response: StartResponse, refusal: Refusal, protocol: str, signing_name: str, *, is_head: bool = False
) -> Iterable[bytes]:
    """Answer as the service does that the request was signed for."""
    status, headers, body = _in(protocol, signing_name, refusal.message)
    body = b"" if is_head else body
    request_id = [("x-amzn-RequestId", str(uuid.uuid4()))]
    start_response(status, [*headers, ("Content-Length", str(len(body))), *request_id])
    return [body]


def _in(protocol: str, signing_name: str, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    if protocol in ("json", "cbor"):
        old = [("x-amzn-query-error", f"{CODE_OF_QUERY};Sender")] if signing_name in ONCE_QUERY else []
        if protocol == "cbor":
            about = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
            return "400 Bad Request", [*about, *old], _cbor({"__type": CODE, "message": message})
        body = json.dumps({"__type": CODE, "message": message}).encode()
        return "400 Bad Request", [("Content-Type", "application/x-amz-json-1.1"), *old], body
    if protocol == "rest-json":
        body = json.dumps({"message": message}).encode()
        return "403 Forbidden", [("Content-Type", "application/json"), ("x-amzn-ErrorType", CODE)], body
    return "403 Forbidden", [("Content-Type", "text/xml")], _xml(signing_name, message).encode()


def _xml(signing_name: str, message: str) -> str:
    code = CODES.get(signing_name, CODE_OF_QUERY)
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if signing_name == "s3":
        return f"{head}<Error>{error}</Error>"
    if signing_name == "ec2":
        return f"{head}<Response><Errors><Error>{error}</Error></Errors></Response>"
    return f"{head}<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"


def _cbor(value: dict[str, str]) -> bytes:
    """Return a map of texts in CBOR (RFC 8949): fewer than 24 of them."""
    return bytes([0xA0 | len(value)]) + b"".join(_cbor_text(each) for pair in value.items() for each in pair)


def _cbor_text(text: str) -> bytes:
    plain = text.encode()
    return b"\x7a" + len(plain).to_bytes(4, "big") + plain
