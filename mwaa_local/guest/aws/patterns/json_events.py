"""Filter patterns for events that are JSON: `{ $.level = "error" && $.tries[0] > 1 }`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from .comparison import comparison
from .conditions import Conditions

SELECTOR = re.compile(
    r"\$(?P<path>(?:\.[\w\-]+|\.\*|\.?\[(?:\d+|\*|'[^']+'|\"[^\"]+\")\])+)\s*(?P<asked>.*)", re.DOTALL
)
STEP = re.compile(r"\.(?P<name>[\w\-]+|\*)|\[(?P<index>\d+|\*)\]|\[['\"](?P<key>[^'\"]+)['\"]\]")
# What may stand where else an operator with a value does.
STATES: dict[str, Callable[[list[object]], bool]] = {
    "IS TRUE": lambda found: any(value is True for value in found),
    "IS FALSE": lambda found: any(value is False for value in found),
    "IS NULL": lambda found: any(value is None for value in found),
    "NOT EXISTS": lambda found: not found,
}


def json_test(text: str) -> Callable[[str], bool]:
    """Return what tells whether a message matches; one that is no JSON never does. Raises ValueError."""
    if not text.endswith("}"):
        raise ValueError("a pattern for JSON ends with }")
    conditions = Conditions.parse(text[1:-1], _leaf)

    def matches(message: str) -> bool:
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return isinstance(event, dict | list) and conditions.holds(event)

    return matches


def _leaf(words: str) -> Callable[[object], bool]:
    found = SELECTOR.fullmatch(words)
    if not found:
        raise ValueError(f"{words} does not begin with a selector such as $.level")
    steps = [
        match.group("name") or match.group("index") or match.group("key") for match in STEP.finditer(found["path"])
    ]
    state = STATES.get(" ".join(found["asked"].upper().split()))
    if state:
        return lambda event: state(list(_values(event, steps)))
    holds = comparison(found["asked"])
    return lambda event: any(holds(value) for value in _values(event, steps))


def _values(value: object, steps: list[str]) -> Iterator[object]:
    """Yield what a path leads to: with `*`, every member."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        chosen = value if step == "*" else value[int(step) :][:1] if step.isdigit() else []
        for each in chosen:
            yield from _values(each, rest)
    elif isinstance(value, dict):
        for name, each in value.items():
            if step in ("*", name):
                yield from _values(each, rest)
