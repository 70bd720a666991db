"""Which requests may have changed something: after all others, a copy would be the same again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# How operations begin that only read, in botocore's models. Some of moto's note that they were called, or let time go
# on for what they describe; that alone is not worth a copy. SQS's ReceiveMessage is a write: it hides the message.
_READS = re.compile(
    r"(BatchGet|Describe|Filter|Get|List|Lookup|Query|Scan|Search|Select|TransactGet|Validate)(?![a-z])"
)
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_OPERATION = re.compile(r"/service/\w+/operation/(\w+)$")  # the path of Smithy's RPC v2, as CloudWatch has it
_KEPT_AS_IT_COMES = ("PutLogEvents",)  # `log_events`
FORM = "application/x-www-form-urlencoded"
READING_METHODS = ("GET", "HEAD", "OPTIONS")


def may_write(environ: Mapping[str, Any], body: bytes) -> bool:
    """Say whether a request may change something. `body` is that of the request."""
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if not operation and (found := _OPERATION.search(environ.get("PATH_INFO", ""))):
        operation = found[1]
    if not operation and (action := _ACTION.search(_form(environ, body))):
        operation = action[1].decode()
    if operation:
        return operation not in _KEPT_AS_IT_COMES and _READS.match(operation) is None
    return environ["REQUEST_METHOD"] not in READING_METHODS


def _form(environ: Mapping[str, Any], body: bytes) -> bytes:
    """Return where AWS's query protocol names the operation; nothing of other bodies, which may be anybody's text."""
    if environ["REQUEST_METHOD"] == "GET":
        return str(environ.get("QUERY_STRING", "")).encode()
    is_form = environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE", "").startswith(FORM)
    return body if is_form else b""
