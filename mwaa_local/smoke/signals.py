"""What can end a smoke run from outside: the time limit, Ctrl-C, SIGTERM and a terminal that is gone.

All of them are raised where the main thread just is, so that whatever waits there ends and cleans up.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from mwaa_local.smoke.result import INTERRUPTED_CODE

SIGNAL_BASE_CODE = 128  # an exit code after a signal is this and its number, as shells report it
# What GitHub sends before it kills a job, and what a person sends who is in a hurry.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TimeLimit(KeyboardInterrupt):
    """The time for the whole smoke run is over."""


@contextlib.contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Raise TimeLimit in the main thread after so many seconds."""

    def over(_number: int, _frame: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def code_of_interrupt(error: KeyboardInterrupt) -> int:
    """Return the exit code after this interrupt: that of another signal than Ctrl-C comes with it."""
    return getattr(error, "exit_code", None) or INTERRUPTED_CODE


@contextlib.contextmanager
def signals_noted() -> Iterator[list[int]]:
    """Only note the signals that would end this process: what is left to do is to stop what was started."""
    noted: list[int] = []
    heard = [number for number in END_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # unlike under nohup
    before = {number: signal.signal(number, lambda number, _: noted.append(number)) for number in heard}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def code_of(number: int) -> int:
    return SIGNAL_BASE_CODE + number
