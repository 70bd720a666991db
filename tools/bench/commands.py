"""Start, time and end commands, and wait for what they bring about."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

COMMAND_TIMEOUT_S = 900.0  # a cold `up` on a slow index
INTERRUPT_TIMEOUT_S = 20.0
POLL_PAUSE_S = 0.05
LAST_LINES = 20


class BenchError(Exception):
    """Something did not work; the message says what, with the last lines of output where there are any."""


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float = COMMAND_TIMEOUT_S) -> float:
    """Run a command to its end; return the seconds it took. Raises BenchError unless it ends with exit code 0.

    An interrupt reaches the command as SIGINT, so that it can undo what it began.
    """
    elapsed_s, exit_code, output = _run(argv, cwd, env, timeout_s)
    if exit_code != 0:
        how = f"ended with exit code {exit_code}" if elapsed_s < timeout_s else f"took longer than {timeout_s:.0f} s"
        raise BenchError(f"`{' '.join(argv)}` {how}\n{last_lines(output)}")
    return elapsed_s


def output_of(argv: Sequence[str], env: Mapping[str, str]) -> str:
    _, exit_code, output = _run(argv, Path("/"), env, COMMAND_TIMEOUT_S)
    if exit_code != 0:
        raise BenchError(f"`{' '.join(argv)}` ended with exit code {exit_code}\n{last_lines(output)}")
    return output.strip()


def _run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float) -> tuple[float, int, str]:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        started = time.monotonic()
        process = start_process(argv, cwd, env, output)
        # Popen's own time-out looks every 50 ms only, which is half of what the fastest command here takes.
        alarm = threading.Timer(timeout_s, end_process, [process])
        alarm.start()
        try:
            exit_code = process.wait()
            elapsed_s = time.monotonic() - started
        except BaseException:
            end_process(process)
            raise
        finally:
            alarm.cancel()
        output.seek(0)
        return elapsed_s, exit_code, output.read()


def start_process(argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end_process(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_TIMEOUT_S)
            return


def last_lines(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines()[-LAST_LINES:])


def wait_until(check: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Return once `check` says so. Raises BenchError, with what was waited for, when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(POLL_PAUSE_S)
