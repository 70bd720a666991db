"""What is answered to a request for another service than MWAA: where that service is, in the form its clients read.

Without a local AWS this endpoint has MWAA's API alone; whoever points all of AWS at it is told so, by the service's own
client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from mwaa_local.api.http.errors import OURS
from mwaa_local.api.http.reply import ERROR_HEADER, Reply

CODE = "NotServedHere"  # ours: no service has it
STATUS = 400  # which no client tries again
SERVERLESS = "airflow-serverless"  # signing name of MWAA Serverless, another service
FORM_TYPE = "application/x-www-form-urlencoded"
XML_SERVICES = ("s3", "s3express", "s3-object-lambda")
CBOR_TYPE = "application/cbor"
CBOR_PROTOCOL = ("smithy-protocol", "rpc-v2-cbor")  # Smithy 2.0, "Smithy RPC v2 CBOR protocol"


def of_other_service(service: str, headers: Mapping[str, str]) -> Reply:
    """Return the answer to a request that was signed for that service."""
    words = _words(service)
    content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if headers.get(CBOR_PROTOCOL[0]) == CBOR_PROTOCOL[1]:
        return Reply(STATUS, _cbor({"__type": CODE, "message": words}), CBOR_TYPE, dict([CBOR_PROTOCOL]))
    if service in XML_SERVICES:
        return _xml(f"<Error><Code>{CODE}</Code><Message>{escape(words)}</Message></Error>")
    if content_type == FORM_TYPE and service == "ec2":
        return _xml(f"<Response><Errors>{_error(words)}</Errors><RequestID>local</RequestID></Response>")
    if content_type == FORM_TYPE or service in ("cloudfront", "route53"):
        return _xml(f"<ErrorResponse>{_error(words)}<RequestId>local</RequestId></ErrorResponse>")
    body = json.dumps({"__type": CODE, "message": words}).encode()
    return Reply(STATUS, body, headers.get("Content-Type") or "application/json", {ERROR_HEADER: CODE})


def _words(service: str) -> str:
    if service == SERVERLESS:
        return f"{OURS}this is MWAA with environments; MWAA Serverless ({SERVERLESS}) is another service, not here"
    return (
        f"{OURS}{service} is not served at this endpoint, which has MWAA's API alone. For a local AWS write"
        " `Local: {Aws: local}` into mwaa.yaml, run `mwaa-local up`, and take the endpoint that `mwaa-local aws-env`"
        " prints; for the real one, set AWS_ENDPOINT_URL_MWAA instead of AWS_ENDPOINT_URL"
    )


def _error(words: str) -> str:
    return f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{escape(words)}</Message></Error>"


def _xml(text: str) -> Reply:
    return Reply(STATUS, f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode(), "text/xml")


def _cbor(texts: Mapping[str, str]) -> bytes:
    """Return a map of texts as CBOR (RFC 8949): enough of it for an error."""
    parts = [bytes([0xA0 | len(texts)])]
    for text in (each for pair in texts.items() for each in pair):
        data = text.encode()
        parts += [b"\x79", len(data).to_bytes(2), data]  # a text with two bytes of length
    return b"".join(parts)
