"""The end of `dags test` at Ctrl-C: of the run, and of all that its tasks have started.

Runs in a release's interpreter, Python 3.7 and Airflow 2.0 too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT, as shells report it
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
RUNS_A_TASK = "_run_task"  # the function of `dags test` that runs one task, in all releases since 2.0
TASK_END_S = 5.0  # for what a task does in its `finally`
CHILDREN_END_S = 2.0  # between SIGTERM and SIGKILL
TIDY_S = 2.0  # for one statement to the database
POLL_PAUSE_S = 0.005  # shorter than Airflow takes from one task to the next


class Interruption:
    """The end of the run at Ctrl-C. Airflow itself takes that for the failure of one task and begins the next one."""

    def __init__(self) -> None:
        self._has_begun = False
        self._task: FrameType | None = None
        self.tidy: Callable[[], None] = _nothing  # what is to happen to the database before the end
        # What tasks start finds its way back to this process when its own parent has ended.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGINT, self._begin)

    @property
    def has_begun(self) -> bool:
        return self._has_begun

    def _begin(self, _number: int, frame: FrameType | None) -> None:
        if self._has_begun:  # asked twice: wait for nothing
            self.end()
        self._has_begun = True
        self._task = next((each for each in _frames(frame)[::-1] if each.f_code.co_name == RUNS_A_TASK), None)
        threading.Thread(target=self._wait, args=(time.monotonic() + TASK_END_S,), daemon=True).start()
        raise KeyboardInterrupt

    def _wait(self, deadline: float) -> None:
        main = threading.main_thread().ident or 0
        while time.monotonic() < deadline:
            if self._task is not None and self._task not in _frames(sys._current_frames().get(main)):
                break
            time.sleep(POLL_PAUSE_S)
        signal.pthread_kill(main, signal.SIGINT)  # so that it is the main thread that ends us, and no task begins
        time.sleep(TASK_END_S)
        self.end()  # it is in a call that does not return

    def end(self) -> None:
        """End whatever the tasks started, then this process."""
        for number, patience_s in ((signal.SIGTERM, CHILDREN_END_S), (signal.SIGKILL, CHILDREN_END_S)):
            for pid in _descendants():
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
            deadline = time.monotonic() + patience_s
            while _descendants() and time.monotonic() < deadline:
                time.sleep(POLL_PAUSE_S)
        tidying = threading.Thread(target=self.tidy, daemon=True)  # the interrupted code may hold what it waits for
        tidying.start()
        tidying.join(TIDY_S)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, RuntimeError):  # the interrupted code may be writing
                stream.flush()
        os._exit(INTERRUPTED_EXIT_CODE)


def _nothing() -> None:
    pass


def _frames(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _descendants() -> list[int]:
    """Return the processes below this one that have not ended."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(path.parent.name)] = int(parent)
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


@contextlib.contextmanager
def ended_by_interrupt() -> Iterator[Interruption]:
    """Let SIGINT end what is done here, and this process with it; `tidy` of what is yielded is called at any end."""
    interruption = Interruption()
    try:
        yield interruption
    except KeyboardInterrupt:  # who pressed Ctrl-C knows where
        sys.exit(INTERRUPTED_EXIT_CODE)
    finally:
        if interruption.has_begun:
            interruption.end()
        interruption.tidy()
