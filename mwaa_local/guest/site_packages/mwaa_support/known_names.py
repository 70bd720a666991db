"""Answer only requests to this environment's own names, and changes only from its own pages. No Airflow in here.

Where nobody has to log in, the address is all that protects an environment. A web page from elsewhere can have its name
lead to 127.0.0.1 (DNS rebinding) and then read what it likes, but its requests still carry that name as their Host. And
it can send a change to localhost without reading the answer; such a request carries the page's address as its Origin.

That address counts with its port: whatever else serves pages on this machine is another site. The port by which the
browser found this server, wherever it was published, is in the Host of the same request. A request without an Origin
comes from no page; `Origin: null` from one that hides where it is from.
"""

import re
from urllib.parse import urlsplit

# Misdirected Request: no answer for this name here (RFC 9110, section 15.5.20).
WRONG_NAME_STATUS = 421
WRONG_PAGE_STATUS = 403
# They change nothing (RFC 9110, section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]]+)(:[0-9]*)?\Z", re.IGNORECASE)
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
WRONG_NAME = (
    "mwaa-local: this web server answers to %s only.\n\n"
    "Nobody has to log in here, so a request to any other name is refused: it may come from a web page elsewhere.\n"
    "To add a name, write it into mwaa.yaml and run `mwaa-local up`:\n\n"
    "Local:\n  WebserverNames: [my-machine.example.com]\n"
)
WRONG_PAGE = (
    "mwaa-local: a page of another site sent this request, so nothing was changed.\n\n"
    "Nobody has to log in here, so only pages of this web server (%s, at its own port) may change anything.\n"
    "To allow the other site, add its address, as http://localhost:3000, to api.access_control_allow_origins in\n"
    "AirflowConfigurationOptions and run `mwaa-local up`. A proxy in front has to pass on the Host that it gets, or\n"
    "to be reached at port 80 or 443 by a name in WebserverNames under Local in mwaa.yaml.\n"
)


def name_of(host):
    """Return the name in a Host header, without port and brackets, in lower case; None for what is no such header."""
    match = HOST.match(host)
    return match.group(1).strip("[]").lower() if match else None


def port_of(host):
    """Return the port in a Host header, None where it leaves it to the scheme."""
    match = HOST.match(host)
    digits = match.group(2)[1:] if match and match.group(2) else ""
    return int(digits) if digits else None


class KnownNames:
    """An ASGI application in front of another, which hears only of requests that may be answered."""

    def __init__(self, app, names, origins=()):
        self.app = app
        self.names = tuple(name.lower() for name in names)
        self.origins = frozenset(origins)

    async def __call__(self, scope, receive, send):
        status, text = self.refusal(scope) if scope["type"] in ("http", "websocket") else (0, "")
        if not status:
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # policy violation (RFC 6455)
            return
        shown = ", ".join("[%s]" % name if ":" in name else name for name in self.names)
        body = (text % shown).encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def refusal(self, scope):
        """Return status and text to answer with, or (0, "") for a request that the application may answer."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or name_of(hosts[0]) not in self.names:
            return WRONG_NAME_STATUS, WRONG_NAME
        # A websocket is opened by GET from any page and then takes whatever that page sends.
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return 0, ""
        for origin in (value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"):
            if not self.is_own(origin, hosts[0]):
                return WRONG_PAGE_STATUS, WRONG_PAGE
        return 0, ""

    def is_own(self, origin, host):
        if not self.origins.isdisjoint((origin, "*")):
            return True
        try:
            parts = urlsplit(origin)
            name, port = parts.hostname or "", parts.port
        except ValueError:  # what no browser sends
            return False
        default = DEFAULT_PORTS.get(parts.scheme)
        if default is None or name not in self.names:
            return False
        if (port or default) == (port_of(host) or default):
            return True
        # A proxy before this server: pages come from it, though it asks here by another name.
        return port in (None, default) and name not in LOOPBACK_NAMES
