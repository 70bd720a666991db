"""Begin the observer of an environment, have it live, end it. Nobody waits for its start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mwaa_local import __version__
from mwaa_local.files import PRIVATE_FILE_MODE
from mwaa_local.observer.place import OUTPUT_NAME, ObserverFolder
from mwaa_local.project import MARK_VARIABLE, Project

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment

MODULE = "mwaa_local.observer"
FINISH_S = 5.0  # that the duties of an observer have to come to an end
END_S = FINISH_S + 5.0  # for its process, on a busy machine
PAUSE_S = 0.02
_started: list[subprocess.Popen[bytes]] = []  # so that none of ours stays a zombie


def begin_observer(project: Project, environment: Environment, env: Mapping[str, str]) -> None:
    """Have an observer for what has just been brought up; one that is there already makes way for it."""
    folder = ObserverFolder.of(project)
    folder.ask({"version": __version__, **environment.kept()})
    _signal(folder)
    _start(project, env)


def keep_observer(project: Project, env: Mapping[str, str]) -> None:
    """Start an observer again that ought to live and does not, as after somebody killed it."""
    folder = ObserverFolder.of(project)
    if folder.is_wanted and folder.pid is None:
        _start(project, env)


def ask_to_end(project: Project) -> None:
    """Ask the observer to come to an end, and do not wait for that."""
    folder = ObserverFolder.of(project)
    folder.forget()
    _signal(folder)


def wait_for_end(project: Project) -> None:
    """Wait until there is no observer; one that does not end though it was asked to is killed."""
    folder = ObserverFolder.of(project)
    deadline = time.monotonic() + END_S
    while (pid := folder.pid) is not None:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            deadline += END_S
        time.sleep(PAUSE_S)


def _signal(folder: ObserverFolder) -> None:
    if (pid := folder.pid) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _start(project: Project, env: Mapping[str, str]) -> None:
    _started[:] = [each for each in _started if each.poll() is None]
    project.logs_dir.mkdir(parents=True, exist_ok=True)
    # Private, as a traceback may tell of what tasks print; only of the last one, so that it cannot grow for ever.
    fd = os.open(project.logs_dir / OUTPUT_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, PRIVATE_FILE_MODE)
    with os.fdopen(fd, "ab") as output:
        _started.append(
            subprocess.Popen(
                [sys.executable, "-m", MODULE, str(project.root_dir)],
                # Without the mark of components, which end with the environment.
                env={name: value for name, value in env.items() if name != MARK_VARIABLE},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        )
