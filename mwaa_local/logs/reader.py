"""The events of a log group, read from the files that hold them, by time; new ones as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from mwaa_local.logs.events import MILLISECONDS, LogEvent
from mwaa_local.logs.files import StreamFile
from mwaa_local.logs.following import FileEvents

FOLLOW_PAUSE_S = 0.25


class Reader:
    """Reads files on from where it read them before; `files` is asked anew each time, since there may be new ones."""

    def __init__(self, files: Callable[[], Iterable[StreamFile]]) -> None:
        self._files = files
        self._known: dict[StreamFile, FileEvents] = {}

    def now(self, *, since_ms: int = 0, chosen: Callable[[LogEvent], bool] = lambda _event: True) -> list[LogEvent]:
        """Return by time what is there and chosen; of files in which nobody wrote since, nothing is read."""
        return self._new(at_once=True, since_ms=since_ms, chosen=chosen)

    def follow(self, *, since_ms: int = 0) -> Iterator[LogEvent]:
        """Yield what comes, for ever; what nobody writes to since then is not read."""
        while True:
            yield from self._new(at_once=False, since_ms=since_ms, chosen=lambda _event: True)
            time.sleep(FOLLOW_PAUSE_S)

    def _new(self, *, at_once: bool, chosen: Callable[[LogEvent], bool], since_ms: int) -> list[LogEvent]:
        batch: list[LogEvent] = []
        for file in self._files():
            if since_ms and not _was_written(file, since_ms):
                continue
            for part in self._known.setdefault(file, FileEvents(file)).new(at_once=at_once):
                batch += filter(chosen, part)
        return sorted(batch, key=lambda event: event.time_ms)


def _was_written(file: StreamFile, since_ms: int) -> bool:
    try:
        return file.path.stat().st_mtime * MILLISECONDS >= since_ms
    except OSError:
        return file.is_put_aside  # what was put aside may be there
