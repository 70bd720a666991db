"""For which service a request was signed: the credential's scope names it, in the header or in a presigned URL.

Signatures are not checked, as moto does not check them: nobody's credentials get here.
Source: AWS General Reference, "Signing AWS API requests" (Signature Version 4, and 4A, whose scope has no region).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

_SCOPE = re.compile(r"(?P<key>[^/,\s]+)/\d{8}/(?:(?P<region>[^/,\s]+)/)?(?P<service>[A-Za-z0-9.-]+)/aws4_request")
_HEADER = re.compile(rf"AWS4-[A-Z0-9-]+\s.*?Credential={_SCOPE.pattern}")
_PRESIGNED = "X-Amz-Credential"
Environ = Mapping[str, Any]  # WSGI's (PEP 3333)


@dataclass(frozen=True)
class Credential:
    """Who signed a request, and for what. `region` is "" where the scope has none."""

    key: str
    region: str
    service: str


def credential_of(environ: Environ) -> Credential | None:
    """Return the credential of a request; None for one without a signature of version 4."""
    scope = _HEADER.match(environ.get("HTTP_AUTHORIZATION", "")) or _presigned_scope(environ)
    return Credential(scope["key"], scope["region"] or "", scope["service"].lower()) if scope else None


def signing_name(environ: Environ) -> str:
    """Return the signing name of the service that is asked; "" for a request without a signature of version 4."""
    credential = credential_of(environ)
    return credential.service if credential else ""


def presigned_header(environ: Environ) -> str:
    """Return a presigned URL's credential as an `Authorization` header has it; "" where the URL has none."""
    scope = _presigned_scope(environ)
    return f"AWS4-HMAC-SHA256 Credential={scope[0]}, SignedHeaders=host, Signature=0" if scope else ""


def _presigned_scope(environ: Environ) -> re.Match[str] | None:
    query = environ.get("QUERY_STRING", "")
    if _PRESIGNED not in query:
        return None
    values = parse_qs(query, max_num_fields=1000).get(_PRESIGNED)
    return _SCOPE.fullmatch(values[0]) if values else None
