"""How far rows have come that are read, written or loaded: a large database takes minutes.

Here it is only told, often; whoever shows it (`console`) decides how often it is seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mwaa_local.event import COUNTING, Event

PAUSE_S = 0.2  # between two reports: as often as a screen is worth writing anew
SUBJECT = "database"  # of events
Tell = Callable[[Event], None]


def to_nobody(_event: Event) -> None:
    """Take a report that nobody wants."""


class Progress:
    """Counts the rows of one table after another. `doing` is what is done to them: `loading`, `writing`."""

    def __init__(self, tell: Tell, doing: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._doing = doing
        self._clock = clock
        self._next = clock() + PAUSE_S
        self._table = ""
        self._rows = 0
        self._most: int | None = None

    def begin(self, table: str, most: int | None = None) -> None:
        """Begin with a table that has so many rows; None where nobody knows."""
        self._table, self._rows, self._most = table, 0, most

    def add(self, rows: int) -> None:
        """Count rows of that table."""
        self._rows += rows
        now = self._clock()
        if now >= self._next:
            self._next = now + PAUSE_S
            self._tell(Event(SUBJECT, COUNTING, detail=self.text))

    @property
    def text(self) -> str:
        """What is said of it: `loading task_instance: 120000 of 300000 rows`."""
        of_all = "" if self._most is None else f" of {self._most}"
        return f"{self._doing} {self._table}: {self._rows}{of_all} rows"
