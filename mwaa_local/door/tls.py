"""What a door that speaks https answers a client's greeting with."""

from __future__ import annotations

import ssl
from typing import Any

PLAIN_HTTP = "HTTP_REQUEST"  # OpenSSL's reason where a client's first bytes are GET, POST, HEAD or PUT
HINT = "mwaa-local: this port speaks https: begin the address with https://\n"
ANSWER = (
    f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {len(HINT)}\r\n"
    f"Connection: close\r\n\r\n{HINT}"
).encode("ascii")


class TlsConnection(ssl.SSLObject):
    """One connection, which answers a client that speaks plain http in its own words, where TLS would just hang up."""

    outgoing: ssl.MemoryBIO
    is_answered = False

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason != PLAIN_HTTP or self.is_answered:
                raise
            self.is_answered = True
            self.outgoing.write(ANSWER)
            # What is in there is sent while more is waited for, and thrown away after any other error.
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "plain http was answered") from error


class Context(ssl.SSLContext):
    """How to speak https."""

    sslobject_class = TlsConnection

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **more: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *args, **more)
        assert isinstance(made, TlsConnection)
        made.outgoing = outgoing
        return made


def context_of(certificate: str) -> ssl.SSLContext | None:
    """Return how to speak https with a PEM file of key, certificate and issuer; None, for http, without one."""
    if not certificate:
        return None
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # older ones are out of use (RFC 8996)
    context.load_cert_chain(certificate)
    return context
