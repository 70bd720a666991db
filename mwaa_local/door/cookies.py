"""Airflow's cookies, under names of this environment's own in browsers.

A cookie belongs to a host, whatever the port: two environments on localhost would sign each other out, and any other
Airflow there, too. So browsers get and send names that begin with this environment's own prefix; between door and web
server the names are Airflow's. Programs get Airflow's names: they look for `session` or `_token`, as MWAA's guide does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from multidict import CIMultiDict

from .signing_in import SESSION, TOKEN

AIRFLOWS = (SESSION, TOKEN)
ASKED = "asked"  # after our prefix, for programs too: its bearer has signed in here, or tried to
PREFIX_CHARACTERS = 10
# Sent by every browser to an address such as localhost, by no program (Fetch Metadata Request Headers, W3C).
BROWSER_HEADERS = ("Sec-Fetch-Mode", "Sec-Fetch-Site")


def prefix_of(key: str, *, is_secure: bool = False) -> str:
    """Return what the names begin with in the environment of that key, of which it tells nothing.

    Over https they are others: browsers keep a page of http from replacing a cookie that https has set (RFC 6265bis).
    """
    digest = hashlib.sha256((b"https cookies of " if is_secure else b"cookies of ") + key.encode()).hexdigest()
    return f"mwaa-local-{digest[:PREFIX_CHARACTERS]}-"


def is_browser(headers: Mapping[str, str]) -> bool:
    return any(name in headers for name in BROWSER_HEADERS)


def pairs(headers: CIMultiDict[str]) -> list[tuple[str, str]]:
    """Return the names and values of a request's cookies, in order."""
    found = []
    for header in headers.getall("Cookie", []):
        for item in header.split(";"):
            name, equals, value = item.strip().partition("=")
            if name or equals:
                found.append((name, value))
    return found


def as_airflows(found: list[tuple[str, str]], prefix: str, from_browser: bool) -> list[tuple[str, str]]:
    """Return a request's cookies with Airflow's names for ours; a browser's own `session` is another server's."""
    kept = []
    for name, value in found:
        own = name.removeprefix(prefix)
        if own != name and own in AIRFLOWS:
            if from_browser:
                kept.append((own, value))
        elif own != name and own == ASKED:
            continue
        elif not from_browser or name not in AIRFLOWS:
            kept.append((name, value))
    return kept


def value_of(found: list[tuple[str, str]], name: str) -> str:
    """Return a cookie's value, "" where there is none."""
    return next((value for found_name, value in found if found_name == name), "")


def written(found: list[tuple[str, str]]) -> str:
    """Return the text of a Cookie header."""
    return "; ".join(f"{name}={value}" for name, value in found)


def renamed(set_cookie: str, prefix: str) -> str:
    """Return a Set-Cookie header under our name, if it sets one of Airflow's."""
    return prefix + set_cookie if name_set(set_cookie) in AIRFLOWS else set_cookie


def secured(set_cookie: str) -> str:
    """Return a Set-Cookie header after which a browser sends the cookie over https alone."""
    attributes = {word.partition("=")[0].strip().lower() for word in set_cookie.split(";")[1:]}
    return set_cookie if "secure" in attributes else f"{set_cookie}; Secure"


def name_set(set_cookie: str) -> str:
    return set_cookie.partition("=")[0].strip()
