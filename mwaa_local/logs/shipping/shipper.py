"""Sends what is new in log files to the log groups of one environment, round by round.

What the service has taken is noted per file, after it has: a batch may be sent twice by who is killed in between, and
none is left out. While the service is away the files wait.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.environment.environment import LoggingConfiguration
from mwaa_local.logs.events import MILLISECONDS, LogEvent
from mwaa_local.logs.following import FileEvents
from mwaa_local.logs.groups import Group
from mwaa_local.logs.shipping.batches import MAX_AGE_MS, batches
from mwaa_local.logs.shipping.candidates import Candidate, Candidates
from mwaa_local.logs.shipping.places import Places
from mwaa_local.logs.shipping.service import LogService, Refused
from mwaa_local.project import Project

# What an environment's first shipper still sends: requirements and startup script run before it, 14 minutes at most.
LOOK_BACK_MS = 15 * 60 * MILLISECONDS  # where nothing is known of an earlier one; else all that the service takes
GROUPS_PAUSE_S = 60.0  # between two looks whether the groups are there: who empties the AWS removes them
FIRST_PAUSE_S, LAST_PAUSE_S = 2.0, 300.0  # after a refusal of a file's events
PARTS_AT_ONCE = 16  # of one file, of READ_BYTES each, before others have their turn
REMEMBERED = 10_000  # files of which is known in memory that all of them was sent


@dataclass(frozen=True)
class Destination:
    """Where an environment's logs go, and from which levels on."""

    environment: str  # its name
    airflow_3: bool
    logging: LoggingConfiguration
    service: LogService
    parses_levels: bool = True  # as files.StreamFile

    @property
    def groups(self) -> list[Group]:
        """Those that are on."""
        return [group for group in Group if group.of(self.logging).enabled]


class Pauses:
    """When files of which the service refused something have their next turn: each time later, whatever is written."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, float]] = {}  # key -> pause and its end, in seconds

    def note(self, key: str, now_s: float) -> None:
        pause_s = min(self._until.get(key, (FIRST_PAUSE_S / 2, 0.0))[0] * 2, LAST_PAUSE_S)
        self._until[key] = (pause_s, now_s + pause_s)

    def is_paused(self, key: str, now_s: float) -> bool:
        pause_s, until_s = self._until.get(key, (0.0, 0.0))
        return until_s - pause_s <= now_s < until_s  # a clock that was set back ends it

    def forget(self, key: str) -> None:
        self._until.pop(key, None)


class Shipper:
    """Sends one project's logs; one thread uses it. `places` has how far each file was sent."""

    def __init__(self, project: Project, places: Places, clock: Callable[[], float] = time.time) -> None:
        self._state_dir, self._places, self._clock = str(project.state_dir), places, clock
        self._candidates = Candidates(project)
        self._sent: dict[str, tuple[int, int, float]] = {}  # key in `places` -> its state, when all of it was sent
        self._refused = Pauses()
        self._since: dict[Group, int] = {}
        self._looked_s = 0.0

    def round(self, to: Destination) -> int:
        """Send what is new; return how many events that were. Raises service.Away, and Refused after all others."""
        self._follow(to)
        self._make_groups(to)
        count = 0
        refused: Refused | None = None
        for candidate in self._candidates.of(to.groups):
            key = f"{candidate.group}:{candidate.seen.path.removeprefix(self._state_dir)}"
            if self._sent.get(key) == candidate.state or self._refused.is_paused(key, self._clock()):
                continue
            try:
                count += self._send(to, key, candidate)
                self._refused.forget(key)
            except Refused as error:
                self._refused.note(key, self._clock())
                refused = refused or error
        if refused is not None:
            raise refused
        return count

    def forget_gone(self) -> None:
        """Forget the places of files that are not there any more."""
        keys = self._places.keys()
        self._places.forget([key for key in keys if not Path(self._state_dir + key.partition(":")[2]).exists()])
        self._sent.clear()

    def _follow(self, to: Destination) -> None:
        """Note groups that were switched on or off: one that was off gets nothing of that time."""
        noted = self._places.groups()
        now_ms = int(self._clock() * MILLISECONDS)
        wanted = {group.value for group in to.groups}
        for name in noted.keys() - wanted:
            self._places.unfollow(name)
        look_back_ms = 0 if self._places.are_used else MAX_AGE_MS if self._places.are_lost else LOOK_BACK_MS
        for name in wanted:
            if name not in noted:
                self._looked_s = 0.0
            if noted.get(name, sys.maxsize) > now_ms:  # new, or of a clock that was set back
                self._places.follow(name, now_ms - look_back_ms)
        self._places.are_used = True
        self._since = {Group(name): since for name, since in self._places.groups().items()}

    def _make_groups(self, to: Destination) -> None:
        if self._clock() - self._looked_s < GROUPS_PAUSE_S:
            return
        names = {group.name_in(to.environment) for group in to.groups}
        for name in names - to.service.groups(f"airflow-{to.environment}-"):
            to.service.make_group(name)
        self._looked_s = self._clock()

    def _send(self, to: Destination, key: str, candidate: Candidate) -> int:
        """Send what is new of a file; return how many events. Raises Away and Refused."""
        since_ms, level = self._since[candidate.group], candidate.group.of(to.logging).log_level
        file = None
        if candidate.seen.changed_s * MILLISECONDS >= since_ms:
            file = candidate.file(airflow_3=to.airflow_3, parses_levels=to.parses_levels)
        if file is None:
            self._note(key, candidate)
            return 0
        place = self._places.get(key)
        if place is not None and file.stream and place.stream != file.stream:  # a script's, written anew
            place = None
        events = FileEvents(file, place)
        count = 0
        for number, part in enumerate(events.new(), 1):
            wanted = [event for event in part if event.time_ms >= since_ms and event.is_let_through(level)]
            count += self._put(to, candidate.group, wanted)
            self._places.put(key, events.place)
            if number == PARTS_AT_ONCE:
                return count
        if (events.place.inode, events.place.offset) == candidate.state[:2] or not candidate.seen.size:
            self._note(key, candidate)
        return count

    def _put(self, to: Destination, group: Group, events: Iterable[LogEvent]) -> int:
        by_stream: dict[str, list[LogEvent]] = {}
        for event in events:
            by_stream.setdefault(event.stream, []).append(event)
        count = 0
        for stream, of_stream in by_stream.items():
            for batch in batches(of_stream, int(self._clock() * MILLISECONDS)):
                to.service.put(group.name_in(to.environment), stream, batch)
                count += len(batch)
        return count

    def _note(self, key: str, candidate: Candidate) -> None:
        if len(self._sent) >= REMEMBERED:
            self._sent.clear()
        self._sent[key] = candidate.state
