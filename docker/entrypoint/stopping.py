"""A component with helpers, looked after as a child: asked to end, its helpers end before it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from running import CANNOT_RUN, SIGNAL_OFFSET, Refused

STOP_VARIABLE = "MWAA_LOCAL_STOP"  # how the component is asked to end, if not as a signal to it alone
HELPERS_FIRST = "helpers-first"
# As in mwaa_local/runtime/process/stop_order.py, which also tells why.
HELPERS_END_S = 0.5
HELPERS_GONE_S = 5.0
POLL_PAUSE_S = 0.02


def look_after(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a component as a child, in a session of its own; when asked to end, have its helpers end before it."""
    process = None
    try:
        process = subprocess.Popen(list(argv), env=dict(env), start_new_session=True)
        exit_code = process.wait()
    except OSError as error:
        path = env.get("PATH", "not set")
        raise Refused(f"cannot run {argv[0]}: {error.strerror} (PATH is {path})", CANNOT_RUN) from None
    except SystemExit:  # what `end` makes of a signal
        if process is None:
            raise
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        ask_helpers_first(process.pid, signal.SIGTERM)
        exit_code = process.wait()
    return exit_code if exit_code >= 0 else SIGNAL_OFFSET - exit_code


def ask_helpers_first(leader: int, number: int) -> None:
    """Send the signal to the other processes of the leader's group and, when they have ended, to the leader."""
    send(leader, signal.SIGSTOP)
    try:
        helpers = states_in_group(leader).keys() - {leader}
        for helper in helpers:
            send(helper, number)
        in_time = wait_until(lambda: running_in_group(leader) <= {leader}, HELPERS_END_S)
        if in_time:
            send(leader, number)  # taken as soon as it goes on
    finally:
        send(leader, signal.SIGCONT)
    if not in_time:
        wait_until(lambda: not helpers & states_in_group(leader).keys(), HELPERS_GONE_S)
        send(leader, number)


def running_in_group(group: int) -> set[int]:
    """Return the processes that have not ended yet; one that has may still await that its parent asks."""
    return {pid for pid, state in states_in_group(group).items() if state not in "ZX"}


def states_in_group(group: int) -> dict[int, str]:
    """Return the processes of a group and in which state each is, by the letters of proc(5)."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            state, _parent, its_group = path.read_text(encoding="latin-1").rpartition(")")[2].split()[:3]
            if int(its_group) == group:
                found[int(path.parent.name)] = state
    return found


def send(pid: int, number: int) -> None:
    # PermissionError: another user's, as after `sudo`.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def wait_until(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_PAUSE_S)
    return True
