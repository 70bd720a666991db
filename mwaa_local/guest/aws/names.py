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
# Where a request was meant for AWS and led here, by a hosts file or a proxy. Nobody else can have such a name resolve
# to this machine, but anybody can have pages there, in a bucket of their own: no site of ours.
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
WRONG_NAME = (
    "nothing answers to the name {name!r} here: this endpoint is for this machine alone, as localhost or 127.0.0.1"
)
WRONG_SITE = "a page of another site sent this request, so it is not answered"


def refusal(environ: Mapping[str, Any], names: Collection[str]) -> str:
    """Return why a request is not answered; "" for one that is. `names` are those besides this machine's own."""
    host = environ.get("HTTP_HOST", "")
    if not (is_known(host, names) or _is_of_aws(host)):
        return WRONG_NAME.format(name=host[:100])
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        return WRONG_SITE
    origin = environ.get("HTTP_ORIGIN")
    # Pages of this machine, on whichever port, are those of whoever can reach this endpoint anyway.
    return "" if origin is None or _is_ours(_host_of(origin), names) else WRONG_SITE


def is_known(host: str, names: Collection[str]) -> bool:
    """Say whether a host, with or without a port, is this machine, one of the names, or a bucket there."""
    name = _name_of(host)
    return _is_ours(host, names) or any(name.endswith(f".{known}") for known in names)


def _is_ours(host: str, names: Collection[str]) -> bool:
    """Say whether a host is this machine or one of the names; of a name such as `aws` others have what is below it."""
    name = _name_of(host)
    if name in ("localhost", *names) or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_of_aws(host: str) -> bool:
    return _name_of(host).endswith(AWS_DOMAINS)


def _name_of(host: str) -> str:
    """Return the name in a host with or without a port; "" for what is no host."""
    match = _HOST.match(host)
    return (match["v6"] or match["name"]).lower().rstrip(".") if match else ""


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # what no browser sends
        return ""
