"""What a door that speaks https answers a client's greeting with."""

from __future__ import annotations

import ssl


def context_of(certificate: str) -> ssl.SSLContext | None:
    """Return how to speak https with a PEM file of key, certificate and issuer; None, for http, without one."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # older ones are out of use (RFC 8996)
    context.load_cert_chain(certificate)
    return context
