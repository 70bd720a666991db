"""Where in the user's files an argument of an imported task stands. Pure.

The import knows the line that makes a task; the source tells on which line of that call, or of `default_args`, an
argument is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache

from mwaa_local.check.dags.source import Call, Source

ReadSource = Callable[[str], Source | None]


class TaskPlaces:
    """Looks lines up. `read` returns the source of a path as the user knows it."""

    def __init__(self, read: ReadSource) -> None:
        self._source = cache(read)
        self._line = cache(self._look)

    def line(self, path: str, line: int, argument: str, word: str = "") -> int:
        """Return the line of an argument of the task that is made on that line, where it has the word if that is known.

        Falls back to the line itself.
        """
        return self._line(path, line, argument, word)

    def _look(self, path: str, line: int, argument: str, word: str) -> int:
        source = self._source(path)
        call = None if source is None else _call_at(source, line)
        if source is None or call is None:
            return line
        given = call.arguments.get(argument) or source.default_args.get(argument)
        exprs = [source.resolve(given), given] if given is not None else [call.node]
        for expr in exprs:
            found = _line_with(source, expr, word) if word else 0
            if found:
                return found
        return exprs[-1].lineno if given is not None else line


def _call_at(source: Source, line: int) -> Call | None:
    """Return the smallest call of a task that is, or goes over, that line; of decorators the call is another."""
    spans = [
        (call.node.end_lineno - call.node.lineno, call)
        for call in source.calls
        if call.node.end_lineno is not None and call.node.lineno <= line <= call.node.end_lineno and call.arguments
    ]
    begun = [item for item in spans if item[1].node.lineno == line] or spans
    made = [item for item in begun if "task_id" in item[1].arguments] or begun
    return min(made, key=lambda item: item[0])[1] if made else None


def _line_with(source: Source, expr: ast.expr, word: str) -> int:
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    lines = source.text.splitlines()[expr.lineno - 1 : expr.end_lineno]
    return next((number for number, text in enumerate(lines, expr.lineno) if pattern.search(text)), 0)
