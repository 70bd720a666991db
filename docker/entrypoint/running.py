"""Commands: run to their end and logged, or become this process's own program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from files import write_whole

FAILED = 1
WRONG_USAGE = 2
WOULD_NOT_START = 64  # MWAA's container would not start: its startup script failed
CANNOT_RUN = 127  # as a shell has it
TIMED_OUT_EXIT_CODE = 124  # what coreutils' timeout(1) returns
SIGNAL_OFFSET = 128  # a shell's exit code for a signal, less the signal
STARTUP_STOP_TIMEOUT_S = 5.0  # between SIGTERM and SIGKILL for a startup script (mwaa/subprocess)
BESIDE_PAUSE_S = 0.5  # before what runs beside is started anew; it doubles each time that it ends soon
BESIDE_LONGEST_PAUSE_S = 60.0
LAST_OUTPUT_S = 1.0  # how long to wait for output of a command that has ended


class Refused(Exception):
    """Why this container cannot do what it is for, in one line."""

    def __init__(self, why: str, exit_code: int = FAILED) -> None:
        super().__init__(why)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Ended:
    """How a command ended; a negative exit code is a signal."""

    exit_code: int
    timed_out: bool
    elapsed_s: float

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out


def say(text: str) -> None:
    print(text, flush=True)


def run_logged(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, log_path: Path, timeout_s: float, stop_timeout_s: float
) -> Ended:
    """Run a command in a session of its own, its output to stdout and into the log; on time-out stop all its group.

    What it leaves in the background may go on writing: `tee` lives as long as somebody does.
    """
    write_whole(log_path, b"")
    started = time.monotonic()
    tee = subprocess.Popen(["tee", "-a", str(log_path)], stdin=subprocess.PIPE, start_new_session=True)
    assert tee.stdin is not None
    try:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=str(cwd),
            stdin=subprocess.DEVNULL,
            stdout=tee.stdin,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Refused(f"cannot run {argv[0]}: {error}", CANNOT_RUN) from None
    finally:
        tee.stdin.close()
    timed_out = False
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        stop_group(process, stop_timeout_s)
    except BaseException:
        stop_group(process, STARTUP_STOP_TIMEOUT_S)
        raise
    elapsed_s = time.monotonic() - started
    with contextlib.suppress(subprocess.TimeoutExpired):
        tee.wait(LAST_OUTPUT_S)
    return Ended(TIMED_OUT_EXIT_CODE if timed_out else process.returncode, timed_out, elapsed_s)


def stop_group(process: subprocess.Popen[bytes], stop_timeout_s: float) -> None:
    # The second signal comes even when the leader has gone: nobody else has a last word for its group.
    for number in (signal.SIGTERM, signal.SIGKILL):
        # PermissionError: all that is left of the group belongs to another user, as after `sudo`.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop_timeout_s)


def run_beside(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
    """Keep a program running beside this container's own, which is not to know it: the parent of both is `init`."""
    main_pid = os.getpid()
    sys.stdout.flush()
    middle = os.fork()
    if middle == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                keep_running(argv, env, cwd, main_pid)
            os._exit(0)
        except Exception:  # noqa: BLE001
            traceback.print_exc()  # into the container's log: nobody waits for this process
            sys.stderr.flush()
        finally:
            os._exit(1)
    os.waitpid(middle, 0)


def keep_running(argv: Sequence[str], env: Mapping[str, str], cwd: Path, main_pid: int) -> None:
    """Run a program, and start it anew when it ends, for as long as the container's own lives."""
    pause_s = BESIDE_PAUSE_S
    while True:
        began = time.monotonic()
        try:
            process = subprocess.Popen(
                list(argv), env=dict(env), cwd=str(cwd), stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            print(f"mwaa-local: cannot run {argv[0]}: {error}", file=sys.stderr, flush=True)
            return
        exit_code = process.wait()
        pause_s = BESIDE_PAUSE_S if time.monotonic() - began > BESIDE_LONGEST_PAUSE_S else pause_s
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, BESIDE_LONGEST_PAUSE_S)
        try:
            os.kill(main_pid, 0)
        except ProcessLookupError:
            return
        name = next((word for word in argv if word.endswith(".py")), argv[0])
        print(f"mwaa-local: {name} ended ({exit_code}) and is started anew", file=sys.stderr, flush=True)


def ignore_terminal_stops() -> None:
    """Ignore the signals that a terminal sends to what runs in its background, here and in the component.

    Airflow 2's web server sends SIGTTIN to gunicorn to have one worker more. On a slow machine it may do so before
    gunicorn has a handler, and that would stop gunicorn for good: `init` makes the component a group of its own, which
    such a signal stops like a shell's. What is ignored stays so in the next program until that has a handler.
    """
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Put another program, found through the PATH of its own variables, in the place of this one."""
    sys.stdout.flush()
    # Python ignores these, and what is ignored stays so in the next program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], list(argv), dict(env))
    except OSError as error:
        path = env.get("PATH", "not set")
        raise Refused(f"cannot run {argv[0]}: {error.strerror} (PATH is {path})", CANNOT_RUN) from None
