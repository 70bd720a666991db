"""Run `docker` and `docker compose` to their end; an interrupt is ours to take, and to hand on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mwaa_local.runtime.compose.stored import ComposeProject

PAUSE_S = 0.2  # between two calls of `meanwhile`
KILL_AFTER_INTERRUPT_S = 5.0


def run_docker(
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    *,
    on_line: Callable[[str], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
    pause_s: float = PAUSE_S,
) -> subprocess.CompletedProcess[str]:
    """Run a command of Docker, calling `meanwhile` again and again; return its output, both streams mixed.

    An interrupt, or an exception out of `meanwhile`, ends the command before it goes on upward.
    """
    process = subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=folder if folder.is_dir() else "/",
        start_new_session=True,  # Ctrl-C is ours to handle
    )
    found: list[str] = []
    reader = threading.Thread(target=_read, args=(process, found, on_line), daemon=True)
    reader.start()
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(pause_s if meanwhile else None)
                break
            if meanwhile:
                meanwhile()
    except BaseException:
        _end(process)
        raise
    reader.join()
    return subprocess.CompletedProcess(process.args, process.returncode, "\n".join(found))


def compose_env(env: Mapping[str, str], project: ComposeProject | None) -> dict[str, str]:
    """Return the caller's environment without what would change a compose file's meaning behind our back.

    Compose takes a variable from the caller's shell rather than from the env file, and options from COMPOSE_*.
    """
    named = set()
    if project is not None and project.env_path is not None and project.env_path.is_file():
        named = {line.partition("=")[0] for line in project.env_path.read_text(encoding="utf-8").splitlines()}
    return {name: value for name, value in env.items() if name not in named and not name.startswith("COMPOSE_")}


def _read(process: subprocess.Popen[str], found: list[str], on_line: Callable[[str], None] | None) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        found.append(line.rstrip("\n"))
        if on_line is not None:
            on_line(found[-1])


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the command to end, as Ctrl-C would, and make it when it does not."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_AFTER_INTERRUPT_S)
            return
