"""Passwords and tokens that are written out in the addresses of a requirements file: told apart, and never shown."""

from __future__ import annotations

import re

_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/\s?#]*)@")
# A password with a slash, a question mark or a hash in it ends the host for every reader, but is a secret no less.
_BROKEN_USER = re.compile(r"://[^/\s@\[]*:(?!\d*(?:[/\s?#]|$))[^\s@]*[/?#]\S*@")
_PARAMETER = re.compile(
    r"(?P<name>[?&](?:[^=&#\s]*(?:token|secret|password|passwd|signature|apikey)|(?:[^=&#\s]*[-_])?(?:key|sig))=)"
    r"(?P<value>[^&#\s]+)",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return a line as it may be shown: passwords and tokens that are written out in addresses become `****`."""
    text = _BROKEN_USER.sub("://****@", _USER.sub(_without_password, text))
    return _PARAMETER.sub(lambda match: match["name"] + ("****" if _literal(match["value"]) else match["value"]), text)


def _without_password(match: re.Match[str]) -> str:
    name, _, password = match["user"].partition(":")
    # A name alone, over HTTP, is a token: nobody is there to be asked for the password. Over SSH it is a user.
    token = name if match["scheme"].lower().endswith(("http", "https")) and not password else ""
    return f"{match['scheme']}://****@" if _literal(password or token) else match[0]


def _literal(text: str) -> str:
    """Return what is written out of a text, rather than left to variables."""
    return _VARIABLE.sub("", text)
