"""What can end a smoke run from outside: the time limit, Ctrl-C, SIGTERM and a terminal that is gone.

All are raised in the main thread, wherever it is, so that what waits there ends and cleans up.
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


class EndSignal(KeyboardInterrupt):
    """A signal that asks for the end of the smoke run."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = code_of(number)


class Signals:
    """What may interrupt a smoke run: once. All that comes after it is only noted.

    What follows the first is cleaning up, which nobody in a hurry may cut short.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []  # those of END_SIGNALS that came, the first one too
        self._may_interrupt = True

    def only_note(self) -> None:
        """Interrupt nothing from now on."""
        self._may_interrupt = False

    @contextlib.contextmanager
    def time_limit(self, limit_s: float) -> Iterator[None]:
        """Raise TimeLimit in the main thread after so many seconds, unless a signal came first."""

        def over(_number: int, _frame: object) -> None:
            self._interrupt(TimeLimit())

        before = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def take(self, number: int, _frame: object) -> None:
        self.noted.append(number)
        self._interrupt(EndSignal(number))

    def _interrupt(self, error: KeyboardInterrupt) -> None:
        if self._may_interrupt:
            self._may_interrupt = False
            raise error


def code_of_interrupt(error: KeyboardInterrupt) -> int:
    """Return the exit code after this interrupt: that of another signal than Ctrl-C comes with it."""
    return getattr(error, "exit_code", None) or INTERRUPTED_CODE


@contextlib.contextmanager
def signals_taken() -> Iterator[Signals]:
    """Take the signals that would end this process."""
    signals = Signals()
    heard = [number for number in END_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # unlike under nohup
    before = {number: signal.signal(number, signals.take) for number in heard}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def code_of(number: int) -> int:
    return SIGNAL_BASE_CODE + number
