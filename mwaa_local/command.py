"""Run one command to its end: a Request goes in, a Completed comes out.

Not for long-running components: those belong to `runtime`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from mwaa_local.errors import DiskFull, ToolMissing

KILL_AFTER_TERM_S = 5.0  # MWAA gives a startup script that overran 5 s between SIGTERM and SIGKILL (mwaa/subprocess)
TIMED_OUT_EXIT_CODE = 124  # what coreutils' timeout(1) returns
LAST_OUTPUT_S = 1.0  # how long to wait for output of a command that has ended
PRIVATE_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
PRIVATE_LOG_MODE = 0o600


@dataclass(frozen=True)
class Request:
    """One command to run. `env` is the complete environment, not an addition to this process's own."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    timeout_s: float | None = None
    kill_after_s: float = KILL_AFTER_TERM_S
    alone: bool = False  # what it leaves running when it ends is ended, too


@dataclass(frozen=True)
class Completed:
    """How a command ended. `output` is stdout and stderr as they came, mixed."""

    argv: tuple[str, ...]
    exit_code: int
    output: str
    elapsed_s: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out


def run(request: Request, on_line: Callable[[str], None] | None = None) -> Completed:
    """Run the command in a session of its own, wait for its end, and kill the whole group on time-out.

    `on_line` gets each output line, without its newline, as it comes, on another thread; what it raises is raised
    here once the command has ended. A group still alive when the command itself ended keeps running, as under any
    shell, but its later output is ignored. An interrupt kills the group and is raised again.

    Raises ToolMissing when the program does not exist or may not be run.
    """
    started = time.monotonic()
    process = _spawn(request)
    output = _Output(process, on_line)
    timed_out = False
    try:
        process.wait(request.timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        _kill_group(process, request.kill_after_s)
    except BaseException:
        _kill_group(process, request.kill_after_s)
        raise
    finally:
        with _running_lock:
            _running.pop(process, None)
    if request.alone or _is_to_end():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return Completed(
        argv=tuple(request.argv),
        exit_code=TIMED_OUT_EXIT_CODE if timed_out else process.returncode,
        output=output.close(),
        elapsed_s=time.monotonic() - started,
        timed_out=timed_out,
    )


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Let another program take the place of this process, with its terminal, its signals and its exit code."""
    sys.stdout.flush()
    try:
        os.execve(argv[0], list(argv), dict(env))
    except OSError as error:
        raise ToolMissing(f"cannot run {argv[0]}", str(error), "install it or put it on PATH") from error


# Commands that threads of this process wait for; an interrupt comes to the main thread alone.
_running: dict[subprocess.Popen[str], Request] = {}
_running_lock = threading.Lock()
_is_interrupted = False


def interrupt_all() -> None:
    """End every command that a thread waits for, and let other threads than the main one start no more of them.

    For when this command is going to end and no longer needs the work of those threads. The main thread may still have
    to clean up. What does not end by itself is killed, if this process lives that long.
    """
    global _is_interrupted
    with _running_lock:
        _is_interrupted = True
        left = dict(_running)
    for process, request in left.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        killing = threading.Timer(request.kill_after_s, _kill_running, (process,))
        killing.daemon = True
        killing.start()


def _kill_running(process: subprocess.Popen[str]) -> None:
    with _running_lock, contextlib.suppress(ProcessLookupError, PermissionError):
        if process in _running:
            os.killpg(process.pid, signal.SIGKILL)


def _is_to_end() -> bool:
    """Whether all that this thread has started is to end."""
    return _is_interrupted and threading.current_thread() is not threading.main_thread()


@contextlib.contextmanager
def interrupting() -> Iterator[None]:
    """On an interrupt, end what the other threads wait for, before the main thread waits for these threads."""
    try:
        yield
    except KeyboardInterrupt:
        interrupt_all()
        raise


class LineLog:
    """A log file of one command: its output, each line with the time it came, UTC. Starts empty.

    Only this user can read it, as what is run may print secrets.

    Raises DiskFull when there is no room; another OSError is a bug of whoever chose the path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: nothing is lost when the launcher dies, nothing is left to be written on closing.
            self._file = os.fdopen(os.open(path, PRIVATE_LOG_FLAGS, PRIVATE_LOG_MODE), "wb", buffering=0)
        except OSError as error:
            raise self._disk_full(error) from error

    def write(self, line: str) -> None:
        time_text = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        try:
            self._file.write(f"{time_text} {line}\n".encode(errors="backslashreplace"))
        except OSError as error:
            raise self._disk_full(error) from error

    def _disk_full(self, error: OSError) -> Exception:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return error
        return DiskFull(f"no space left for {self.path}", str(error), f"free some space below {self.path.parent}")

    def __enter__(self) -> LineLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _spawn(request: Request) -> subprocess.Popen[str]:
    try:
        with _running_lock:
            if _is_to_end():
                raise KeyboardInterrupt
            process = _popen(request)
            _running[process] = request
            return process
    except OSError as error:
        what = f"cannot run {request.argv[0]}"
        if not request.cwd.is_dir():
            raise ToolMissing(what, f"The folder to run it in does not exist: {request.cwd}", "make it") from error
        raise ToolMissing(what, str(error), "install it or put it on PATH") from error


def _popen(request: Request) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(request.argv),
        env=dict(request.env),
        cwd=request.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        encoding="utf-8",  # not the locale's, which differs between a terminal and CI
        errors="replace",
    )


class _Output:
    """Reads a process's output on a thread of its own, so that it can never block on a full pipe."""

    def __init__(self, process: subprocess.Popen[str], on_line: Callable[[str], None] | None) -> None:
        self._process = process
        self._on_line = on_line
        self._lines: list[str] = []
        self._error: Exception | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def close(self) -> str:
        """Return all output so far, and take no more: a child that outlives the command can hold the pipe open."""
        self._thread.join(LAST_OUTPUT_S)
        with self._lock:
            self._closed = True
        if self._error is not None:
            raise self._error
        return "".join(self._lines)

    def _drain(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._lock:
                if not self._closed:
                    self._take(line)

    def _take(self, line: str) -> None:
        self._lines.append(line)
        if self._on_line is None or self._error is not None:
            return
        try:
            self._on_line(line.rstrip("\n"))
        except Exception as error:  # noqa: BLE001 - raised again by close(), on the caller's thread
            self._error = error


def _kill_group(process: subprocess.Popen[str], kill_after_s: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        # PermissionError: all that is left of the group belongs to another user, as after `sudo`.
        except (ProcessLookupError, PermissionError):
            break
        try:
            process.wait(kill_after_s)
            # The leader is gone; give its group the last word too, since nobody else will.
            if number is signal.SIGTERM:
                continue
        except subprocess.TimeoutExpired:
            continue
    process.wait()
