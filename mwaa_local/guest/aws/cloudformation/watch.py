"""What carries unfinished deployments on while no request does: one thread, only while there are any."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager

from . import accounts, deployment

EVERY_S = 1.0  # between looks; a look at an environment takes about 5 ms


class Watch:
    """Looks at unfinished deployments, under the lock that CloudFormation's requests take."""

    def __init__(self, lock: Callable[[], AbstractContextManager[None]], wrote: Callable[[], None]) -> None:
        self._lock = lock
        self._wrote = wrote  # called with the lock held when something may have changed
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def begin(self) -> None:
        """See to it that unfinished deployments go on."""
        with self._starting:
            if self._thread is None and accounts.unfinished():
                self._thread = threading.Thread(target=self._look, name="deployments", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        wait = threading.Event()
        try:
            while not self._is_over():
                wait.wait(EVERY_S)
                self._advance()
        except Exception:  # noqa: BLE001  # the next request begins anew
            traceback.print_exc(file=sys.stderr)
        finally:
            with self._starting:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _advance(self) -> None:
        with self._lock():
            for stack in accounts.unfinished():
                try:
                    deployment.advance(stack)
                except Exception as error:  # noqa: BLE001  # the others must go on
                    traceback.print_exc(file=sys.stderr)
                    deployment.broken(stack, error)
            self._wrote()

    def _is_over(self) -> bool:
        with self._starting:
            if accounts.unfinished():
                return False
            self._thread = None  # under the lock, so that whoever begins something now begins another thread
            return True
