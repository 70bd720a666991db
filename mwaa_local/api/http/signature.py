"""Who signed a request and for which service, as AWS Signature Version 4 has it. The signature is not checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

# AWS General Reference, "Signature Version 4": KEY/DATE/REGION/SERVICE/aws4_request. One for several regions (version
# 4a) has no region.
_SCOPE = re.compile(
    r"(?P<key>[\w.+@-]{1,128})/[0-9]{8}/(?:(?P<region>[a-z0-9-]{0,40})/)?(?P<service>[a-z0-9.-]{1,64})/aws4_request",
    re.IGNORECASE | re.ASCII,
)
_IN_HEADER = re.compile(r"AWS4-[A-Z0-9-]+\s.*?Credential=(?P<scope>[^\s,]+)", re.DOTALL)
IN_QUERY = "X-Amz-Credential"


@dataclass(frozen=True)
class Signature:
    """The scope of a signature."""

    access_key_id: str
    region: str
    service: str  # the signing name, in lower case: "airflow"


def signature_of(headers: Mapping[str, str], query: str) -> Signature | None:
    """Return the scope of a request's signature, in its header or its query; None where there is none to read."""
    match = _IN_HEADER.match(headers.get("Authorization", ""))
    scope = match["scope"] if match else dict(parse_qsl(query)).get(IN_QUERY, "")
    parts = _SCOPE.fullmatch(scope)
    return Signature(parts["key"], parts["region"] or "", parts["service"].lower()) if parts else None
