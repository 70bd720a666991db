"""A PostgreSQL server that runs for one purpose of this command alone, and is ended in order with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from mwaa_local import isolation
from mwaa_local.database.health import Health
from mwaa_local.database.session import line_of_full_server, no_room
from mwaa_local.errors import QUOTED, ComponentNotReady, DiskFull, MwaaLocalError, line_on_full_disk
from mwaa_local.files import PRIVATE_FILE_MODE

START_TIMEOUT_S = 60.0  # one that was killed first reads what it had written
# PostgreSQL's ways to stop (its manual, "Shutting Down the Server"): fast, then without a checkpoint, then none.
STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
POLL_PAUSE_S = 0.05
SERVER_NAME = "postgres"
PID_NAME = "postmaster.pid"  # in the data folder of a server that runs, or was killed


@contextlib.contextmanager
def lone_server(argv: Sequence[str], env: Mapping[str, str], url: str, log_path: Path) -> Iterator[Health]:
    """Run a server and yield questions to its database `url` once it answers; stop it whatever comes.

    Raises ComponentNotReady with the last lines of its log, or DiskFull; the latter also in the place of an error that
    is raised meanwhile, where the server had no room: one that cannot write its log of changes ends without a word to
    its clients.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(log_path, flags, PRIVATE_FILE_MODE), "wb") as log:
        server = subprocess.Popen(
            isolation.unprivileged_argv(argv),
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this command, which ends it when it is done with it
        )
        try:
            health = Health(url, "")
            try:
                _wait(server, health, log_path)
                try:
                    yield health
                except DiskFull:
                    raise
                except MwaaLocalError as error:
                    if line := line_of_full_server(log_path.read_text(errors="replace")):
                        raise no_room(line) from error
                    raise
            finally:
                health.close()
        finally:
            _stop(server)


def _wait(server: subprocess.Popen[bytes], health: Health, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not health.database_answers():
        if server.poll() is not None or time.monotonic() > deadline:
            output = log_path.read_text(errors="replace")
            if line := line_on_full_disk(output):
                raise no_room(line)
            raise ComponentNotReady(f"{SERVER_NAME} did not start", last_lines(output) or health.last_error)
        time.sleep(POLL_PAUSE_S)


def _stop(server: subprocess.Popen[bytes]) -> None:
    for number, patience_s in STOP_SIGNALS:
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience_s)
            return


def end_server_on(data_dir: Path) -> bool:
    """End the server that a killed command left at work on a data folder; return whether there was one.

    Not for a folder on which an environment runs. The number in `postmaster.pid` is not enough to find it: of one that
    ran in a process namespace of its own it means another process here.
    """
    left = [process for process in psutil.process_iter() if _works_on(process, data_dir)]
    for process in left:
        for number, patience_s in STOP_SIGNALS:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(patience_s)
                break
    (data_dir / PID_NAME).unlink(missing_ok=True)
    return bool(left)


def _works_on(process: psutil.Process, data_dir: Path) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:  # gone, or another user's
        return False
    return len(words) > 2 and Path(words[0]).name == SERVER_NAME and words[1:3] == ["-D", str(data_dir)]


def last_lines(output: str, lines: int = 20) -> str:
    """Return the last lines of an output, as errors show them."""
    return "\n".join(f"{QUOTED}{line}" for line in output.rstrip().splitlines()[-lines:])
