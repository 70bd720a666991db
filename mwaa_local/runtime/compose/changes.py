"""What the engine tells of containers while a start is followed."""

from __future__ import annotations

import contextlib
import queue
from typing import Any


class ContainerChanges:
    """Ids of containers to which something happened, as the engine tells them."""

    def __init__(self) -> None:
        self._ids: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read(self, events: Any) -> None:
        """Take the engine's events in until they end; on a thread of its own."""
        with contextlib.suppress(Exception):  # without them, whoever waits still looks at everything now and then
            for event in events:
                self._ids.put(event["Actor"]["ID"])

    def wait(self, timeout_s: float) -> set[str]:
        """Return the ids since the last call, waiting for a first one."""
        ids = set()
        with contextlib.suppress(queue.Empty):
            ids.add(self._ids.get(timeout=timeout_s))
            while True:
                ids.add(self._ids.get_nowait())
        return ids
