"""One command in a running container, on this process's own streams, with the signals that a terminal sends.

`docker exec` passes no signal on, and what it started goes on when it is killed. So a second one, the keeper, waits
beside it: it sends the signals that it reads, and ends the command when nobody is there any more to say them. A program
of ours gets SIGINT for each of them, at which it ends all that it has started.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import IO
from uuid import uuid4

from mwaa_local.errors import DockerUnavailable, NotRunning
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.passed_signals import signals_passed_to

# Every `docker exec` makes a session, so the command's number is that of its process group too.
_COMMAND_SCRIPT = 'echo $$ 2>/dev/null >"/tmp/$0"; exec "$@"'
_KEEPER_SCRIPT = """
tell() {
  tries=0
  until [ -s "/tmp/$0" ] || [ "$tries" -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s "$1" -- "-$(cat "/tmp/$0")"
}
while read -r word && [ "$word" != end ]; do tell "$word"; done
[ "$word" = end ] || tell "$1"
rm -f "/tmp/$0"
"""
KEEPER_END_TIMEOUT_S = 5.0
_CAPTURED_SCRIPT = 'echo $$ 2>/dev/null >"/tmp/$0"; "$@"; code=$?; rm -f "/tmp/$0"; exit $code'
_INTERRUPT_SCRIPT = 'kill -s INT -- "-$(cat "/tmp/$0")"; rm -f "/tmp/$0"'


def run_in_container(
    engine: Engine, container_id: str, argv: Sequence[str], env: Mapping[str, str], *, is_ours: bool
) -> int:
    """Run a command, or a program of ours, to its end; return its exit code."""
    token = f"mwaa-local-{uuid4().hex}"
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    script = ["/bin/sh", "-c", _COMMAND_SCRIPT, token]
    command = engine.exec_command(container_id, [*script, *argv], env, terminal=terminal)
    keeper_command = engine.exec_command(
        container_id, ["/bin/sh", "-c", _KEEPER_SCRIPT, token, "INT" if is_ours else "TERM"], {}, terminal=False
    )
    with subprocess.Popen(
        keeper_command,
        env=engine.command_env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as keeper:
        assert keeper.stdin is not None
        try:
            with signals_passed_to(_signal_to(keeper.stdin, signal.SIGINT if is_ours else None)):
                # A terminal's own Ctrl-C must not end the client before the command has had its say.
                process = subprocess.Popen(command, env=engine.command_env, start_new_session=not terminal)
                exit_code = process.wait()
            _say(keeper.stdin, "end")
        finally:
            with contextlib.suppress(BrokenPipeError):
                keeper.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                keeper.wait(KEEPER_END_TIMEOUT_S)
            keeper.kill()
    return exit_code


def capture_in_container(engine: Engine, container_id: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command to its end; return its exit code and output. What is raised meanwhile interrupts it."""
    token = f"mwaa-local-{uuid4().hex}"
    try:
        return engine.exec(container_id, ["/bin/sh", "-c", _CAPTURED_SCRIPT, token, *argv])
    except BaseException:
        with contextlib.suppress(DockerUnavailable, NotRunning):
            engine.exec(container_id, ["/bin/sh", "-c", _INTERRUPT_SCRIPT, token])
        raise


def _signal_to(keeper: IO[str], only: signal.Signals | None) -> Callable[[signal.Signals], None]:
    return lambda number: _say(keeper, (only or number).name.removeprefix("SIG"))


def _say(keeper: IO[str], word: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the container has ended, and its keeper with it
        keeper.write(f"{word}\n")
        keeper.flush()
