"""Read a requirements file as pip does: encoding, continuation lines, comments, options. Pure.

Not for requirements themselves (`packaging` reads those), nor for what a file means on MWAA (`prepare`).
Source: pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LogicalLine:
    """One line as pip sees it: continuation lines joined, comment cut off. `offsets[i]` is where `text[i]` lies."""

    text: str
    offsets: tuple[int, ...]


@dataclass(frozen=True)
class Token:
    """One word of the options part of a line, without its quotes; `start` and `end` are places in the line."""

    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Option:
    """One option with a value; `prefix` is what precedes the value within the token ("" when they are two)."""

    name: str
    prefix: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Edit:
    """Replace `text[start:end]` of a logical line."""

    start: int
    end: int
    new: str


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the first half of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""")
_BLANKS = re.compile(r"\s*")

_SHORT_OPTIONS = {"c": "constraint", "r": "requirement", "f": "find-links", "e": "editable", "i": "index-url"}
# Every long option of a requirements file, since pip takes any unambiguous beginning of one; True = has a value.
_LONG_OPTIONS = {
    "constraint": True,
    "requirement": True,
    "find-links": True,
    "editable": True,
    "index-url": True,
    "pypi-url": True,
    "extra-index-url": True,
    "no-binary": True,
    "only-binary": True,
    "trusted-host": True,
    "use-feature": True,
    "global-option": True,
    "hash": True,
    "config-settings": True,
    "no-index": False,
    "prefer-binary": False,
    "require-hashes": False,
    "pre": False,
}


def decode(content: bytes) -> str:
    """Return the text by byte order mark, else coding comment in the first two lines, else UTF-8 (MWAA's locale).

    Raises UnicodeDecodeError, and LookupError for an encoding that Python does not know.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n")[:2]:
        if line.startswith(b"#") and (match := _CODING.search(line)):
            return content.decode(match[1].decode("ascii"))
    return content.decode("utf-8")


def replace(text: str, edits: Iterable[tuple[LogicalLine, Edit]]) -> str:
    """Return the file's text with those words replaced; all line breaks stay where they are."""
    changes = [change for line, edit in edits for change in _changes(line, edit)]
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def quoted(prefix: str, value: str) -> str:
    """Return an option's value as one word that pip's reader takes whole.

    That reader looks for a comment, then for a word that begins with a dash, and for quotes only after that.
    """
    if value.startswith("/") and "#" in value:
        value = Path(value).as_uri()
    return prefix + shlex.quote(value)


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Yield the lines that pip would parse; blank ones and comments are left out."""
    parts: list[tuple[str, int]] = []
    offset = 0
    for whole in text.splitlines(keepends=True):
        line = whole.splitlines()[0]
        # As in pip, a comment ends a run of continuation lines and is never continued itself.
        if line.endswith("\\") and not _COMMENT.match(line):
            parts.append((line.rstrip("\\"), offset))
        else:
            yield from _joined([*parts, ((" " if _COMMENT.match(line) else "") + line, offset)])
            parts = []
        offset += len(whole)
    yield from _joined(parts)


def _joined(parts: Iterable[tuple[str, int]]) -> Iterator[LogicalLine]:
    chars: list[str] = []
    offsets: list[int] = []
    for part, offset in parts:
        chars.append(part)
        offsets += range(offset, offset + len(part))
    text = _COMMENT.sub("", "".join(chars))
    if text.strip():
        yield LogicalLine(text, tuple(offsets[: len(text)]))


def _changes(line: LogicalLine, edit: Edit) -> Iterator[tuple[int, int, str]]:
    """Yield replacements `(start, end, new)` in the file; a word broken over two lines keeps its line break."""
    new, start = edit.new, edit.start
    while start < edit.end:
        end = start + 1
        while end < edit.end and line.offsets[end] == line.offsets[end - 1] + 1:
            end += 1
        yield line.offsets[start], line.offsets[end - 1] + 1, new
        new, start = "", end


def options_start(text: str) -> int:
    """Return where the options of a line begin: at the first word, after a space, that starts with a dash."""
    indent = len(text) - len(text.lstrip())
    if text.startswith("-", indent):
        return indent
    found = text.find(" -", indent)
    return len(text) if found < 0 else found + 1


def _tokens(text: str, start: int) -> list[Token]:
    """Split like a shell. Returns nothing for a line with an open quote, which pip refuses by itself."""
    tokens = []
    position = start
    while match := _WORD.match(text, _after_blanks(text, position)):
        position = match.end()
        tokens.append(Token("".join(shlex.split(match[0])), match.start(), position))
    return tokens if _after_blanks(text, position) == len(text) else []


def _after_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def options(text: str) -> Iterator[Option]:
    """Yield the options with values of a line, as optparse takes them."""
    tokens = iter(_tokens(text, options_start(text)))
    for token in tokens:
        name, prefix, inline = _parse_option(token.value)
        if not name:
            continue
        if inline is not None:
            yield Option(name, prefix, inline, token.start, token.end)
        elif (value := next(tokens, None)) is not None:
            yield Option(name, "", value.value, value.start, value.end)


def _parse_option(word: str) -> tuple[str, str, str | None]:
    """Return the option's name ("" for none with a value), what precedes an inline value, and that value."""
    if word.startswith("--"):
        given, equals, inline = word[2:].partition("=")
        matches = [given] if given in _LONG_OPTIONS else [name for name in _LONG_OPTIONS if name.startswith(given)]
        if len(matches) != 1 or not _LONG_OPTIONS[matches[0]]:
            return "", "", None
        return matches[0], f"--{given}=", inline if equals else None
    if len(word) > 1 and word[0] == "-" and word[1] in _SHORT_OPTIONS:
        return _SHORT_OPTIONS[word[1]], word[:2], word[2:] or None
    return "", "", None
