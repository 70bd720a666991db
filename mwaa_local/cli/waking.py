"""Signals that reach the main thread, whatever it waits for.

Python runs a signal's handler on the main thread, once that executes Python again. A signal that comes just before the
thread stands still in a lock, or that the kernel gives to another thread, wakes nobody: `future.result()` then waits on
although Ctrl-C was pressed (https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator

# Unlike a second SIGTERM it ends nothing, and nobody sends it here: it only interrupts a system call.
NUDGE = signal.SIGURG
NUDGES_AFTER_S = (0.01, 0.1, 1.0)  # more than one, since a nudge can come too early in the same way
SIGNALS_AT_ONCE = 64  # bytes to read, one for each signal


@contextlib.contextmanager
def main_thread_woken(numbers: Collection[int]) -> Iterator[None]:
    """See to it that the handlers of these signals run soon after one came. For the main thread to call."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # as set_wakeup_fd wants it
    ended = threading.Event()
    arguments = (reading, threading.get_ident(), frozenset(numbers), ended)
    thread = threading.Thread(target=_nudge, args=arguments, name="signals", daemon=True)
    handler = signal.signal(NUDGE, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        os.write(writing, b"\0")  # no signal's number; closing alone ends no read while a forked child has it open
        thread.join()
        os.close(reading)
        os.close(writing)
        signal.signal(NUDGE, handler)


def _nudge(reading: int, main: int, numbers: frozenset[int], ended: threading.Event) -> None:
    while not ended.is_set():
        if numbers.isdisjoint(os.read(reading, SIGNALS_AT_ONCE)):
            continue
        for after_s in NUDGES_AFTER_S:
            if ended.wait(after_s):
                return
            signal.pthread_kill(main, NUDGE)
