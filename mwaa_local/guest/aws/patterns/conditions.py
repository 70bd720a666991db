"""Conditions joined by `&&`, `||` and brackets, as filter patterns have them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .comparison import REGEX

Value = TypeVar("Value")
# A condition's own words go up to the next sign that is in neither quotes nor a regular expression.
TOKEN = re.compile(rf'\s*(?:(?P<sign>&&|\|\||[()])|(?P<leaf>(?:"(?:[^"\\]|\\.)*"|{REGEX}|(?!&&|\|\|)[^()"])+))')
DEPTH = 50  # ours; deeper brackets are a mistake


@dataclass(frozen=True)
class Conditions(Generic[Value]):
    """A whole condition; `holds` says whether it does for a value."""

    holds: Callable[[Value], bool]

    @classmethod
    def parse(cls, text: str, leaf: Callable[[str], Callable[[Value], bool]]) -> Conditions[Value]:
        """Parse; `leaf` makes the test of one condition of its words. Raises ValueError."""
        parser = _Parser(_tokens(text), leaf)
        test = parser.either()
        if parser.tokens:
            raise ValueError(f"{parser.tokens[0]} is one too many")
        return cls(test)


def _tokens(text: str) -> list[str]:
    tokens = []
    place = 0
    while text[place:].strip():
        found = TOKEN.match(text, place)
        if not found or found.end() == place:
            raise ValueError(f"{text[place:].strip()} has a double quote without its other half")
        place = found.end()
        tokens.append((found["sign"] or found["leaf"]).strip())
    return [token for token in tokens if token]


class _Parser(Generic[Value]):
    """`||` binds less than `&&`, as in CloudWatch."""

    def __init__(self, tokens: list[str], leaf: Callable[[str], Callable[[Value], bool]]) -> None:
        self.tokens, self._leaf = tokens, leaf
        self._depth = 0

    def either(self) -> Callable[[Value], bool]:
        tests = [self._both()]
        while self.tokens[:1] == ["||"]:
            self.tokens.pop(0)
            tests.append(self._both())
        return lambda value: any(test(value) for test in tests)

    def _both(self) -> Callable[[Value], bool]:
        tests = [self._one()]
        while self.tokens[:1] == ["&&"]:
            self.tokens.pop(0)
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> Callable[[Value], bool]:
        if not self.tokens or self.tokens[0] in ("&&", "||", ")"):
            raise ValueError(f"a condition is missing before {self.tokens[0] if self.tokens else 'the end'}")
        token = self.tokens.pop(0)
        if token != "(":
            return self._leaf(token)
        self._depth += 1
        if self._depth > DEPTH:
            raise ValueError(f"its brackets are more than {DEPTH} deep")
        test = self.either()
        if self.tokens[:1] != [")"]:
            raise ValueError("a bracket is open to the end")
        self.tokens.pop(0)
        self._depth -= 1
        return test
