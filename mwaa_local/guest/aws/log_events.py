"""Events of log groups: kept in files as they come, not in the copy of all else.

A copy of everything for each event would cost more than all else here does, and what came after the last copy would be
lost with a crash, though whoever sent it has been told that it is there. So events are appended to a file before moto
has them, and read back at the next start. The oldest go when there are too many.

logs/NUMBER.jsonl   a line for each call that put events, or that removed a group or a stream
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .log_searches import mend

if TYPE_CHECKING:
    from .moto_services import MotoServices

FOLDER = "logs"
SUFFIX = ".jsonl"
FILE_BYTES = 2 << 20  # after which the next file begins
MOST_BYTES = 16 << 20  # of all files, which take twice that in memory; then the oldest goes, with its events
PRIVATE = 0o600
MILLISECONDS = 1000
Stream = tuple[str, str, str, str]  # account, region, group, stream


@dataclass
class _Part:
    """One file, and how many events of each stream are in it."""

    size: int = 0
    counts: dict[Stream, int] = field(default_factory=dict)
    path: Path | None = None
    fd: int | None = None


class LogEvents:
    """The events of one local AWS; without a folder they are only counted, and go when there are too many."""

    def __init__(self, folder: Path | None, wrote: Callable[[], None] = lambda: None) -> None:
        self._folder = folder / FOLDER if folder else None
        self._parts: deque[_Part] = deque()
        self._number = 0
        self.wrote = wrote  # called where a stream has more than its events: others get them, too

    @property
    def are_there(self) -> bool:
        return bool(self._files())

    def put(self, stream: Stream, events: list[dict[str, Any]], when_ms: int) -> None:
        """Write events down. Raises OSError: then they are not there, and the sender has to be told."""
        texts = [[event["timestamp"], event["message"]] for event in events]
        part = self._append({"put": stream, "at": when_ms, "events": texts})
        part.counts[stream] = part.counts.get(stream, 0) + len(events)

    def removed(self, account: str, region: str, group: str = "", stream: str = "") -> None:
        """Write down that a stream, a group with all of its streams, or all groups are not there any more."""
        place = (account, region, group, stream)
        self._append({"gone": place})
        for part in self._parts:
            for known in [known for known in part.counts if _is_in(known, place)]:
                del part.counts[known]
        if not any(part.counts for part in self._parts):
            while self._parts:
                self._drop(self._parts.popleft())

    def too_old(self) -> dict[Stream, int]:
        """Remove the oldest files where there are too many bytes; return how many events of which streams go."""
        gone: dict[Stream, int] = {}
        while len(self._parts) > 1 and sum(part.size for part in self._parts) > MOST_BYTES:
            part = self._parts.popleft()
            for stream, count in part.counts.items():
                gone[stream] = gone.get(stream, 0) + count
            self._drop(part)
        return gone

    def read(self) -> dict[Stream, list[tuple[int, int, str]]]:
        """Return what is kept: by stream, when an event came, its own time, and its message."""
        found: dict[Stream, list[tuple[int, int, str]]] = {}
        for path in self._files():
            part = _Part(path=path)
            for line in _lines(path):
                part.size += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):  # torn by a crash, the last of its file
                    self._take(json.loads(line), part, found)
            self._parts.append(part)
            self._number = max(self._number, int(path.stem))
        return found

    def _take(self, record: dict[str, Any], part: _Part, found: dict[Stream, list[tuple[int, int, str]]]) -> None:
        if "gone" in record:
            for known in [known for known in found if _is_in(known, tuple(record["gone"]))]:
                del found[known]
                for each in (*self._parts, part):
                    each.counts.pop(known, None)
            return
        account, region, group, name = record["put"]
        stream = (str(account), str(region), str(group), str(name))
        events = [(int(record["at"]), int(when), str(message)) for when, message in record["events"]]
        found.setdefault(stream, []).extend(events)
        part.counts[stream] = part.counts.get(stream, 0) + len(events)

    def _append(self, record: dict[str, Any]) -> _Part:
        data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        part = self._open_part()
        if part.fd is not None:
            begin = os.fstat(part.fd).st_size
            try:
                if os.write(part.fd, data) != len(data):
                    raise OSError("no room for the events of a log")
            except OSError:
                os.ftruncate(part.fd, begin)
                raise
        part.size += len(data)
        return part

    def _open_part(self) -> _Part:
        last = self._parts[-1] if self._parts else None
        if last is not None and last.size < FILE_BYTES and (self._folder is None or last.fd is not None):
            return last
        part = _Part()
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._number += 1
            part.path = self._folder / f"{self._number:08d}{SUFFIX}"
            part.fd = os.open(part.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        if last is not None:
            _close(last)
        self._parts.append(part)
        return part

    def _drop(self, part: _Part) -> None:
        _close(part)
        if part.path is not None:
            part.path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def prepare(services: MotoServices) -> None:
    """Have moto's log streams write their events down, and bring back those that were written before."""
    from moto.logs import models  # type: ignore[import-not-found]

    events = services.log_events
    if not getattr(models.LogStream, "is_kept_by_us", False):
        _wrap(models, events)
        mend(models)
    for (account, region, group_name, name), kept in events.read().items():
        backend = models.logs_backends[account][region]
        if group_name not in backend.groups:  # it came after the last copy
            backend.create_log_group(group_name, {})
        group = backend.groups[group_name]
        if name not in group.streams:
            group.create_log_stream(name)
        _bring(models, group.streams[name], kept)
    _forget_old(models, events)


def _bring(models: Any, stream: Any, kept: list[tuple[int, int, str]]) -> None:
    from moto.core.utils import utcfromtimestamp  # type: ignore[import-not-found]

    stream.events += [models.LogEvent(at, {"timestamp": when, "message": message}) for at, when, message in kept]
    stream.stored_bytes += sum(len(message) for _, _, message in kept)
    stream.upload_sequence_token += 1
    stream.last_ingestion_time = utcfromtimestamp(kept[-1][0] / MILLISECONDS) if kept else None


def _wrap(models: Any, events: LogEvents) -> None:
    put_log_events = models.LogStream.put_log_events
    delete_log_stream = models.LogGroup.delete_log_stream
    delete_log_group, reset = models.LogsBackend.delete_log_group, models.LogsBackend.reset

    def put(self: Any, log_events: list[dict[str, Any]]) -> Any:
        place = (self.account_id, self.region, self.log_group.name, self.log_stream_name)
        now_ms = int(time.time() * MILLISECONDS)
        events.put(place, log_events, now_ms)
        if self.log_group.subscription_filters:
            events.wrote()
        answer = put_log_events(self, log_events)
        for event in self.events[len(self.events) - len(log_events) :]:
            event.ingestion_time = now_ms  # as it will come back
        _forget_old(models, events)
        return answer

    def remove_stream(self: Any, log_stream_name: str) -> None:
        delete_log_stream(self, log_stream_name)
        events.removed(self.account_id, self.region, self.name, log_stream_name)

    def forget_all(self: Any) -> None:
        reset(self)
        events.removed(self.account_id, self.region_name)

    def remove_group(self: Any, log_group_name: str) -> None:
        delete_log_group(self, log_group_name)
        events.removed(self.account_id, self.region_name, log_group_name)

    models.LogStream.put_log_events = put
    models.LogStream.is_kept_by_us = True
    models.LogGroup.delete_log_stream = remove_stream
    models.LogsBackend.delete_log_group, models.LogsBackend.reset = remove_group, forget_all


def _forget_old(models: Any, events: LogEvents) -> None:
    for (account, region, group_name, name), count in events.too_old().items():
        group = models.logs_backends[account][region].groups.get(group_name)
        if group is not None and name in group.streams:
            del group.streams[name].events[:count]


def _is_in(stream: Stream, place: tuple[str, ...]) -> bool:
    return stream[:2] == place[:2] and place[2] in ("", stream[2]) and place[3] in ("", stream[3])


def _close(part: _Part) -> None:
    if part.fd is not None:
        os.close(part.fd)
        part.fd = None


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file of ours; nothing of one that other users have to do with."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError:
        return
    with file:
        about = os.fstat(file.fileno())
        if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o077:
            yield from file
