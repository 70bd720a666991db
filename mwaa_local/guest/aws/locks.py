"""One lock for each service around moto, which is not thread-safe.

Of 150 additions to one number in DynamoDB, made side by side, one was lost in two of six tries without it. Not one lock
for all: that would make uploads wait for queries.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

# moto asks itself over HTTP for a few targets of its rules; should one wait for the lock that it holds itself, both go
# on when this time is over. No answer of moto's own takes as long.
PATIENCE_S = 20.0


class Locks:
    """Locks by name, each made when it is first asked for."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._locks: dict[str, threading.Lock] = {}
        self._making = threading.Lock()
        self._held = threading.local()

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold that lock; one request holds one at a time."""
        with self._making:
            lock = self._locks.setdefault(name, threading.Lock())
        with self._hold(lock):
            yield

    @contextlib.contextmanager
    def all_held(self, patience_s: float) -> Iterator[bool]:
        """Hold all of them; False where one was not given up in that time, and then none is held.

        Nobody waits for longer than that, even where a request that holds a lock asks for another one.
        """
        taken: list[threading.Lock] = []
        deadline = time.monotonic() + patience_s
        try:
            yield self._take_all(taken, deadline)
        finally:
            for lock in taken:
                lock.release()

    def _take_all(self, taken: list[threading.Lock], deadline: float) -> bool:
        while True:
            wanted = [lock for lock in list(self._locks.values()) if lock not in taken]
            if not wanted:
                break
            for lock in wanted:
                if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                    return self._give_up(taken)
                taken.append(lock)
        if not self._making.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return self._give_up(taken)
        taken.append(self._making)
        # A lock that was made a moment ago is somebody's.
        return len(taken) > len(self._locks) or self._give_up(taken)

    @staticmethod
    def _give_up(taken: list[threading.Lock]) -> bool:
        while taken:
            taken.pop().release()
        return False

    @contextlib.contextmanager
    def let_go(self) -> Iterator[None]:
        """Let others in while this thread waits for what they do."""
        lock = getattr(self._held, "lock", None)
        if lock is None:
            yield
            return
        self._held.lock = None
        lock.release()
        try:
            yield
        finally:
            self._held.lock = lock if lock.acquire(timeout=self._patience_s) else None

    @contextlib.contextmanager
    def _hold(self, lock: threading.Lock) -> Iterator[None]:
        self._held.lock = lock if lock.acquire(timeout=self._patience_s) else None
        try:
            yield
        finally:
            held, self._held.lock = self._held.lock, None
            if held is not None:
                held.release()
