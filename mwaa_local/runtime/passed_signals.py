"""The signals that a terminal sends, passed on to a command that runs for us elsewhere."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def signals_passed_to(tell: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Have `tell` called with each signal that a terminal sends, in place of what it would do to this process."""
    # What is ignored, as SIGHUP under nohup, is so for the command as well.
    heard = [number for number in PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda which, _frame: tell(signal.Signals(which))) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
