"""The events of a log group, read from the files that hold them, by time; new ones as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from mwaa_local.logs.events import LogEvent
from mwaa_local.logs.files import StreamFile
from mwaa_local.logs.following import FileEvents

FOLLOW_PAUSE_S = 0.25


class Reader:
    """Reads files on from where it read them before; `files` is asked anew each time, since there may be new ones."""

    def __init__(self, files: Callable[[], Iterable[StreamFile]]) -> None:
        self._files = files
        self._known: dict[StreamFile, FileEvents] = {}

    def now(self) -> list[LogEvent]:
        """Return by time what is there."""
        return self._new(at_once=True)

    def follow(self) -> Iterator[LogEvent]:
        """Yield what comes, for ever."""
        while True:
            yield from self._new(at_once=False)
            time.sleep(FOLLOW_PAUSE_S)

    def _new(self, *, at_once: bool) -> list[LogEvent]:
        batch: list[LogEvent] = []
        for file in self._files():
            for part in self._known.setdefault(file, FileEvents(file)).new(at_once=at_once):
                batch += part
        return sorted(batch, key=lambda event: event.time_ms)
