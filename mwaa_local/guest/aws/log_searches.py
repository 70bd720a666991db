"""FilterLogEvents as CloudWatch has it: moto knows words and one phrase, and lets all through for other patterns."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from .patterns.pattern import matcher

_matcher = functools.lru_cache(maxsize=64)(matcher)  # moto asks for each event


class _Filter:
    """What moto's own class is for it."""

    def __init__(self, pattern: str | None) -> None:
        self.matches = _matcher(pattern or "")


def mend(models: Any) -> None:
    """Have moto use our patterns, refuse those that CloudWatch refuses, and sort by time over all streams."""
    from moto.logs.exceptions import InvalidParameterException  # type: ignore[import-not-found]

    filter_log_events = models.LogGroup.filter_log_events
    signature = inspect.signature(filter_log_events)

    def search(*args: Any, **kwargs: Any) -> Any:
        asked = signature.bind(*args, **kwargs)
        try:
            _matcher(asked.arguments["filter_pattern"] or "")
        except ValueError as error:
            raise InvalidParameterException(f"Invalid filter pattern: {error}") from None  # the words are ours
        # "This parameter is ignored and the value is assumed to be true" (API reference).
        asked.arguments["interleaved"] = True
        return filter_log_events(*asked.args, **asked.kwargs)

    models.EventMessageFilter = _Filter
    models.LogGroup.filter_log_events = search
