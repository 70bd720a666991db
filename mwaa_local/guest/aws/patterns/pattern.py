"""CloudWatch's filter patterns: which log events `--filter-pattern` lets through. Pure.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
events, and Live Tail". Three forms: words, `{ … }` for events that are JSON, `[ … ]` for lines with columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from .comparison import REGEX, comparison, plain_text, regex
from .conditions import Conditions
from .json_events import json_test

Test = Callable[[str], bool]
WORD = re.compile(r"\w+")
TERM = re.compile(rf'(?P<sign>[-?]?)(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<regex>{REGEX})|(?P<word>[^\s"]+))')
REST = "..."  # any number of columns
COLUMN = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<bracketed>[^\]]*)\]|(?P<plain>\S+)')
COLUMN_NAME = r"\w+"


def matcher(pattern: str) -> Test:
    """Return what tells whether a message matches. Raises ValueError for what CloudWatch refuses."""
    text = pattern.strip()
    if text.startswith("{"):
        return json_test(text)
    return _columns(text) if text.startswith("[") else _words(text)


def _words(text: str) -> Test:
    """Words: all must be there; with `-` before one, it must not; where all have `?`, one is enough."""
    required: list[Test] = []
    excluded: list[Test] = []
    optional: list[Test] = []
    place = 0
    for found in TERM.finditer(text):
        if text[place : found.start()].strip():
            raise ValueError(f"{text[place:].split()[0]} has a double quote without its other half")
        place = found.end()
        kinds = {"-": excluded, "?": optional, "": required}
        kinds[found["sign"]].append(_term(found))
    if text[place:].strip():
        raise ValueError(f"{text[place:].split()[0]} has a double quote without its other half")
    if required or excluded:  # then those with `?` do not count
        return lambda message: all(term(message) for term in required) and not any(term(message) for term in excluded)
    return lambda message: not optional or any(term(message) for term in optional)


def _term(found: re.Match[str]) -> Test:
    if found["regex"]:
        search = regex(found["regex"])
        return lambda message: search(message) is not None
    if found["word"] and not WORD.fullmatch(found["word"]):
        raise ValueError(
            f"{found['word']} has characters other than letters, digits and _, and must be in double quotes"
        )
    wanted = plain_text(found["text"]) if found["text"] else found["word"]
    return lambda message: wanted in message


@dataclass(frozen=True)
class _Column:
    """What is asked of one column; `name` alone takes any."""

    name: str
    asked: Conditions[str] | None = None

    def allows(self, value: str) -> bool:
        return self.asked is None or self.asked.holds(value)


def _columns(text: str) -> Test:
    if not text.endswith("]"):
        raise ValueError("a pattern of columns ends with ]")
    parts = [part.strip() for part in _split(text[1:-1])]
    if parts.count(REST) > 1:
        raise ValueError(f"{REST} may stand for columns once")
    columns = [None if part == REST else _column(part) for part in parts]
    return lambda message: _fits(columns, columns_of(message))


def _split(text: str) -> Sequence[str]:
    """Split at commas that are not in quotes, regular expressions or brackets."""
    return re.findall(rf'(?:"(?:[^"\\]|\\.)*"|{REGEX}|\([^)]*\)|[^,])+', text)


def _column(text: str) -> _Column:
    if re.fullmatch(COLUMN_NAME, text):
        return _Column(text)
    names: set[str] = set()

    def leaf(words: str) -> Test:
        found = re.match(rf"({COLUMN_NAME})\s*(.*)", words, re.DOTALL)
        if not found:
            raise ValueError(f"{words} names no column")
        names.add(found[1])
        return comparison(found[2])

    asked = Conditions.parse(text, leaf)
    if len(names) != 1:
        raise ValueError(f"{text} speaks of several columns; each has a place of its own between commas")
    return _Column(names.pop(), asked)


def columns_of(message: str) -> list[str]:
    """Return the columns of a line: what is in double quotes or square brackets is one."""
    return [
        next(value for value in (found["quoted"], found["bracketed"], found["plain"]) if value is not None)
        for found in COLUMN.finditer(message)
    ]


def _fits(columns: Sequence[_Column | None], values: Sequence[str]) -> bool:
    if None in columns:
        rest = columns.index(None)
        behind = len(columns) - rest - 1
        if len(values) < len(columns) - 1:
            return False
        values = [*values[:rest], *(values[len(values) - behind :] if behind else [])]
        columns = [column for column in columns if column is not None]
    pairs = zip_longest(columns, values)
    return all(column is not None and value is not None and column.allows(value) for column, value in pairs)
