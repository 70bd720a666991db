"""A whole page: its frame, and the headers with which it is sent."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from mwaa_local.api.page.html import Content, Markup, element, joined
from mwaa_local.api.page.script import REFRESH_S, SCRIPT
from mwaa_local.api.page.style import STYLE

HOME = "/_mwaa-local/"
REFRESH = "refresh"  # in the query
OFF = "off"
RELOAD_S = 15  # without JavaScript, where a page that is loaded anew loses what was marked in it


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; connect-src 'self';"
        " base-uri 'none';"
        # A form's answer leads to the front door of an environment, which has a port of its own.
        " form-action 'self' http://localhost:* https://localhost:*; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: with that, browsers hide from us that a form is our own (Fetch standard, "Origin header").
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Place:
    """What every page tells of where it is from, and whether it keeps itself up to date."""

    root: str  # the folder that is served
    version: str
    path: str = HOME  # of this page
    query: str = ""  # with its question mark; the rest of what was chosen
    is_live: bool = True


def part(name: str, title: str, *content: Content, level: str = "h2") -> Markup:
    """Return a section of a page, which is replaced while it is open when it changes."""
    heading = element(level, title, id=f"{name}-title")
    return element("section", heading, *content, id=name, data_live=True, aria_labelledby=f"{name}-title")


def document(title: str, place: Place, *content: Content) -> str:
    """Return the text of a page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · mwaa-local"),
        element("style", Markup(STYLE)),
        element("noscript", element("meta", http_equiv="refresh", content=str(RELOAD_S))) if place.is_live else None,
    )
    body = element(
        "body",
        element("a", "To the content", href="#content", class_="skip"),
        _header(place),
        element("main", element("h1", title), *content, id="content"),
        element("script", Markup(SCRIPT)),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en").text


def _header(place: Place) -> Markup:
    home = element("a", "mwaa-local", href=HOME)
    told = f"kept up to date, every {REFRESH_S} s" if place.is_live else "not kept up to date"
    switched = f"{place.path}{_switched(place)}"
    live = element("span", told, id="live", role="status", data_on=place.is_live)
    switch = element("a", "pause" if place.is_live else "go on", href=switched)
    return element(
        "header",
        element("p", element("strong", home), f" {place.version}"),
        element("p", place.root),
        element("p", joined([live, switch], " · ")),
    )


def _switched(place: Place) -> str:
    """Return the query of the same page that is, or is not, kept up to date."""
    rest = [word for word in place.query.removeprefix("?").split("&") if word and not word.startswith(f"{REFRESH}=")]
    words = [*rest, f"{REFRESH}={OFF}"] if place.is_live else rest
    return "?" + "&".join(words) if words else ""
