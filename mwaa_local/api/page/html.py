"""HTML as values: whatever is text becomes text, and markup comes from `element` alone."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VOID = frozenset({"input", "meta"})  # elements without content, of those that are used here (HTML standard, 13.1.2)
# Colours and the like in what programs write to a terminal (ECMA-48, control sequences).
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
# What HTML must not hold, and what turns the direction of the text around it.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
STAND_IN = "\ufffd"


@dataclass(frozen=True)
class Markup:
    """HTML that is ready: made by this module, never of anybody's text."""

    text: str


Content = str | Markup | None
NOTHING = Markup("")


def element(tag: str, *content: Content, **attributes: str | bool) -> Markup:
    """Return `<tag …>content</tag>`. Text is escaped; `class_` is the attribute `class`, and `aria_label` `aria-label`.

    An attribute of False is left out, one of True has no value.
    """
    given = "".join(_attribute(name, value) for name, value in attributes.items() if value is not False)
    if tag in VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{joined(content).text}</{tag}>")


def joined(content: Iterable[Content], between: str = "") -> Markup:
    """Return several pieces one after the other."""
    return Markup(between.join(_text(piece) for piece in content if piece is not None))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Content]], *, class_: str = "") -> Markup:
    """Return a table in which the first cell of each row names the row."""
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    body = (
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    )
    shown = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_=class_ or False,
    )
    # Scrolls by itself where the window is narrow; whoever has no mouse must get there, too.
    return element("div", shown, class_="wide", tabindex="0", role="region", aria_label=caption)


def facts(pairs: Iterable[tuple[str, Content]]) -> Markup:
    """Return a list of names and values."""
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs))


def printable(text: str) -> str:
    """Return a text as it may stand on a page: without colours of a terminal, and what is no text replaced."""
    return _UNFIT.sub(STAND_IN, _SEQUENCES.sub("", text))


def _text(piece: str | Markup) -> str:
    return piece.text if isinstance(piece, Markup) else html.escape(printable(piece))


def _attribute(name: str, value: str | bool) -> str:
    written = name.removesuffix("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{html.escape(printable(str(value)))}"'
