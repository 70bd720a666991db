"""Which requests may be answered at all: those to names of our own, and not those of another site's pages.

No signature is checked, so an address is what protects this endpoint. A page from elsewhere can have its name lead to
127.0.0.1 (DNS rebinding), but its requests still carry that name as their Host; and a browser says of each request
whether another site's page sent it (Fetch Metadata, `Sec-Fetch-Site`) and from which (`Origin`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s:\[\]/@?#]+))(?::[0-9]{1,5})?\Z", re.IGNORECASE)
# Where a request was meant for AWS and led here, by a hosts file or a proxy. Nobody else can have such a name resolve.
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
WRONG_NAME = (
    "nothing answers to the name {name!r} here: this endpoint is for this machine alone, as localhost or 127.0.0.1"
)
WRONG_SITE = "a page of another site sent this request, so it is not answered"


def refusal(environ: Mapping[str, Any], names: Collection[str]) -> str:
    """Return why a request is not answered; "" for one that is. `names` are those besides this machine's own."""
    host = environ.get("HTTP_HOST", "")
    if not is_known(host, names):
        return WRONG_NAME.format(name=host[:100])
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        return WRONG_SITE
    origin = environ.get("HTTP_ORIGIN")
    # Pages of this machine, on whichever port, are those of whoever can reach this endpoint anyway.
    return "" if origin is None or is_known(_host_of(origin), names) else WRONG_SITE


def is_known(host: str, names: Collection[str]) -> bool:
    """Say whether a Host header, with or without a port, is this machine, one of the names, a bucket there, or AWS."""
    match = _HOST.match(host)
    if match is None:
        return False
    name = (match["v6"] or match["name"]).lower().rstrip(".")
    if any(name == known or name.endswith(f".{known}") for known in ("localhost", *names)):
        return True
    if name.endswith(AWS_DOMAINS):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # what no browser sends
        return ""
