"""Listen, sum up, and write: a line each minute, and what holds now every few seconds."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .keeping import DAY_S, MINUTE_S, Files, minute_of
from .ready import answer_all, listen
from .samples import samples
from .summing import Collected

PACKET_BYTES = 65535  # the most that UDP carries
PACKETS_AT_ONCE = 10000  # then it is looked whether something is to be written
BUFFER_BYTES = 4 * 1024 * 1024  # where packets wait while something is written; the system may give less
NOW_S = 5.0  # between two writings of what holds now
LEAST_S = 0.001
CANNOT_LISTEN = "cannot listen on {}:{}: {}"
CANNOT_WRITE = "cannot write to {}: {}; tried again next minute"


class Packets:
    """What comes in, until a signal asks the program to end."""

    def __init__(self, host: str, port: int) -> None:
        self.is_ended = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind((host, port))
        self._socket.setblocking(False)
        # An exception out of the handler would come between a packet and its counting.
        self._woken, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.detach())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, _number: int, _frame: Any) -> None:
        self.is_ended = True

    def wait(self, timeout_s: float) -> None:
        """Return when something has come, when the program is to end, or when the time is over."""
        select.select([self._socket, self._woken], [], [], timeout_s)

    def all(self) -> Iterator[bytes]:
        """Yield what has come, at most as much as waits at once."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(PACKETS_AT_ONCE):
                yield self._socket.recv(PACKET_BYTES)


def serve(path: Path) -> int:
    """Collect as that configuration file says, until a signal; return an exit code."""
    values = json.loads(path.read_bytes())
    (host, port), folder = values["listens"], Path(values["folder"])
    try:
        packets = Packets(host, port)
        listening = listen(host, port)
    except OSError as error:
        print(CANNOT_LISTEN.format(host, port, error.strerror), flush=True)
        return 1
    collector = Collector(Files(folder), str(folder), values["prefix"], time.time())
    answer_all(listening)
    while not packets.is_ended:
        now = time.time()
        collector.tick(now)
        packets.wait(collector.idle_s(now))
        for packet in packets.all():
            collector.take(packet, time.time())
    for packet in packets.all():
        collector.take(packet, time.time())
    collector.end(time.time())
    return 0


class Collector:
    """What was collected, and when it is to be written."""

    def __init__(self, files: Files, place: str, prefix: str, now: float) -> None:
        self._files, self._place, self._prefix = files, place, prefix
        self._collected = Collected(now)
        self._minute = minute_of(now)
        self._next_now = now
        self._next_prune = now
        self._is_told = False

    def idle_s(self, now: float) -> float:
        """Return for how long nothing is to be written."""
        return max(min(self._next_now, self._minute + MINUTE_S) - now, LEAST_S)

    def take(self, packet: bytes, now: float) -> None:
        """Add what came just now."""
        self.tick(now)
        self._collected.add(samples(packet, self._prefix), now)

    def tick(self, now: float) -> None:
        """Write what it is time for. A clock that was set back is followed: then a minute has two lines."""
        minute = minute_of(now)
        if minute != self._minute:
            self._write_minute()
            self._minute = minute
        if now >= self._next_now or now < self._next_now - NOW_S:
            self._next_now = now + NOW_S
            self._try(lambda: self._files.write_now(self._collected.now(now)))
        if now >= self._next_prune:
            self._next_prune = now + DAY_S
            self._try(lambda: self._files.prune(now))

    def end(self, now: float) -> None:
        """Write what has come until now."""
        self.tick(now)
        self._write_minute()
        self._try(lambda: self._files.write_now(self._collected.now(now)))

    def _write_minute(self) -> None:
        ended = self._collected.end_minute()
        if self._try(lambda: self._files.append(self._minute, ended.plain())):
            self._is_told = False

    def _try(self, write: Callable[[], None]) -> bool:
        """Return whether it could be written; where not say so once, and go on: Airflow must not suffer from it."""
        try:
            write()
        except OSError as error:
            if not self._is_told:
                print(CANNOT_WRITE.format(self._place, error.strerror), flush=True)
            self._is_told = True
            return False
        return True
