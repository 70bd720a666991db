"""Which requests may be answered at all: those to our own names, and not those of another site's pages.

Whoever can reach the door is somebody already, so an address is what protects it. A page from elsewhere can have its
name lead to 127.0.0.1 (DNS rebinding), but its requests still carry that name as their Host; and a browser says of each
request whether another site's page sent it (Fetch Metadata, `Sec-Fetch-Site`) and from which (`Origin`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

WRONG_NAME_STATUS = 421  # Misdirected Request (RFC 9110, section 15.5.20)
WRONG_SITE_STATUS = 403
ANY_ORIGIN = "*"  # as in Airflow's api.access_control_allow_origins
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # they change nothing (RFC 9110, section 9.2.1)
DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s:\[\]/@?#]+))(?::(?P<port>[0-9]{1,5}))?\Z", re.IGNORECASE)
WRONG_NAME_TEXT = (
    "mwaa-local: nothing answers to the name {name!r} here.\n\n"
    "This address is for this machine alone: localhost, 127.0.0.1 and the like. A page from elsewhere may have sent the"
    " request.\nTo add a name, write it into mwaa.yaml and run `mwaa-local up`:\n\n"
    "Local:\n  WebserverNames: [my-machine.example.com]\n"
)
WRONG_SITE_TEXT = (
    "mwaa-local: a page of another site sent this request, so it is not answered.\n\n"
    "To allow that site, add its address, as http://localhost:3000, to api.access_control_allow_origins in\n"
    "AirflowConfigurationOptions of mwaa.yaml and run `mwaa-local up`.\n"
)


@dataclass(frozen=True)
class Refusal:
    """What a request is answered with that goes no further."""

    status: int
    text: str


def refusal(
    method: str, headers: Mapping[str, str], names: Collection[str], origins: Collection[str] = ()
) -> Refusal | None:
    """Return why a request is not answered; None for one that is.

    `names` are those besides this machine's own, `origins` those of other sites whose pages may ask for anything.
    """
    return _refusal_of_name(headers.get("Host", ""), names) or refusal_of_site(method, headers, origins)


def _refusal_of_name(host: str, names: Collection[str]) -> Refusal | None:
    return None if is_known(host, names) else Refusal(WRONG_NAME_STATUS, WRONG_NAME_TEXT.format(name=host[:100]))


def refusal_of_site(method: str, headers: Mapping[str, str], origins: Collection[str] = ()) -> Refusal | None:
    """Return why a request is not answered to the page that sent it, whatever name it was sent to."""
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if origin is not None and (origin in origins or ANY_ORIGIN in origins):
        return None
    if site == "cross-site" and not _is_link(method, headers):
        return Refusal(WRONG_SITE_STATUS, WRONG_SITE_TEXT)
    # A websocket is asked for with GET, from any page, and may be read by it.
    is_safe = method in SAFE_METHODS and "Upgrade" not in headers
    # Of its own page's form a browser may hide the origin (`Referrer-Policy`), but never the site.
    if origin is not None and not is_safe and site != "same-origin" and not is_same(origin, headers.get("Host", "")):
        return Refusal(WRONG_SITE_STATUS, WRONG_SITE_TEXT)
    return None


def _is_link(method: str, headers: Mapping[str, str]) -> bool:
    """Say whether a link on another page leads here: the browser then shows our page, and that one sees nothing of it.

    In a frame of that page it would see nothing either, but could lay something over it.
    """
    goes = method in ("GET", "HEAD") and headers.get("Sec-Fetch-Mode") == "navigate"
    return goes and headers.get("Sec-Fetch-Dest", "document") == "document"


def is_known(host: str, names: Collection[str]) -> bool:
    """Say whether a Host header, with or without a port, is this machine or one of the names."""
    match = _HOST.match(host)
    if match is None:
        return False
    name = (match["v6"] or match["name"]).lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_same(origin: str, host: str) -> bool:
    """Say whether a page of that origin came from the address in the Host header."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:  # what no browser sends
        return False
    match = _HOST.match(host)
    default = DEFAULT_PORTS.get(parts.scheme)
    if match is None or default is None:
        return False
    same_name = (parts.hostname or "") == (match["v6"] or match["name"]).lower()
    return same_name and (port or default) == int(match["port"] or default)
