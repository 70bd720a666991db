"""The command line in the tests' own process: as `python -m mwaa_local` has it, without an interpreter's start."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from mwaa_local import cli

# `main` sets these for the whole life of its process.
SIGNALS_OF_MAIN = (signal.SIGTERM, signal.SIGHUP)
THREAD_END_TIMEOUT_S = 5.0
STREAMS = ("stdin", "stdout", "stderr")


def call(words: Sequence[str], folder: Path, env: Mapping[str, str], stdin: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command, run in that folder with that environment and input.

    Raises AssertionError when it leaves a signal handler, a thread, a variable or another folder behind.
    """
    before = _Surroundings()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in STREAMS]
        files[0].write(stdin)
        files[0].seek(0)
        stack.callback(before.restore)
        with _streams(files), contextlib.chdir(folder):
            sys.argv = ["mwaa-local", *words]
            os.environ.clear()
            os.environ.update(env)
            exit_code = _main()
            left = before.changes(env, folder)
        stdout, stderr = _read(files[1]), _read(files[2])
    assert not left, f"`mwaa-local {' '.join(words)}` leaves behind: {'; '.join(left)}"
    return exit_code, stdout, stderr


def _main() -> int:
    """Run the command line; return what a process would have ended with."""
    try:
        cli.main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


@contextlib.contextmanager
def _streams(files: Sequence[IO[str]]) -> Iterator[None]:
    """Have the three streams lead to these files, also for what writes to descriptors, and what child processes get."""
    names = [getattr(sys, name) for name in STREAMS]
    for stream in names[1:]:
        stream.flush()
    saved = [os.dup(number) for number in range(3)]
    try:
        for number, file in enumerate(files):
            file.flush()
            os.dup2(file.fileno(), number)
        # As an interpreter makes them.
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdin, sys.stdout, sys.stderr = names
        for number, fd in enumerate(saved):
            os.dup2(fd, number)
            os.close(fd)


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


class _Surroundings:
    """What of this process a command may find changed while it runs, but must not leave changed."""

    def __init__(self) -> None:
        self._env = dict(os.environ)
        self._argv = sys.argv
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._threads = set(threading.enumerate())
        self._path = list(sys.path)
        self._umask = _umask()
        cli.Terminated.exit_code = None  # a process has it only after a signal

    def changes(self, env: Mapping[str, str], folder: Path) -> list[str]:
        """Return what is not as it was, of a command that got this environment and folder."""
        names = sorted({*env, *os.environ} - {"PYTEST_CURRENT_TEST"})
        found = [f"variable {name}" for name in names if env.get(name) != os.environ.get(name)]
        for number, handler in self._handlers.items():
            if number not in SIGNALS_OF_MAIN and signal.getsignal(number) != handler:
                found.append(f"a handler of {signal.Signals(number).name}")
        for thread in set(threading.enumerate()) - self._threads:
            thread.join(THREAD_END_TIMEOUT_S)
            if thread.is_alive():
                found.append(f"thread {thread.name}")
        if Path.cwd() != folder.resolve():
            found.append(f"the folder {Path.cwd()}")
        if sys.path != self._path:
            found.append("another sys.path")
        if _umask() != self._umask:
            found.append("another umask")
        return found

    def restore(self) -> None:
        os.environ.clear()
        os.environ.update(self._env)
        sys.argv = self._argv
        sys.path[:] = self._path
        os.umask(self._umask)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
