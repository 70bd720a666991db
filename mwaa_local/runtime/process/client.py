"""The launcher's side of the supervisor's socket: what a supervisor is asked, and its answers read."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.errors import AlreadyRunning, ComponentUnknown, NotRunning
from mwaa_local.event import ComponentStatus, Event
from mwaa_local.plan import Plan
from mwaa_local.runtime.passed_signals import signals_passed_to
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME, connect

SIGNAL_BASE_CODE = 128  # an exit code after a signal is this and its number, as shells report it
STANDARD_FDS = (0, 1, 2)


@dataclass(frozen=True)
class Command:
    """What one component is to run: words of Airflow's command line, or a program of ours (`script`) with its words."""

    component: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    script: str = ""


class SupervisorClient:
    """Asks one environment's supervisor. Methods return None, or raise OSError where they say so, when it is gone."""

    def __init__(self, run_dir: Path) -> None:
        self._socket_path = run_dir / SOCKET_NAME

    @property
    def answers(self) -> bool:
        """Whether somebody listens."""
        try:
            self._connect().close()
        except OSError:
            return False
        return True

    def status(self) -> dict[str, Any] | None:
        """Return {status, plan, is_stopping} as the supervisor says them."""
        with contextlib.suppress(OSError), self._connect() as client:
            return next(_ask(client, {"op": "status"}), None)
        return None

    def apply(self, plan: Plan, on_event: Callable[[Event], None]) -> list[ComponentStatus] | None:
        """Have the plan carried out; return every component's status. Raises AlreadyRunning where it is refused."""
        return self._carry_out("apply", plan, on_event)

    def resize(self, plan: Plan) -> list[ComponentStatus] | None:
        """Have a plan with other workers begun, as `apply` does, and wait for none of them."""
        return self._carry_out("resize", plan, lambda _: None)

    def _carry_out(self, op: str, plan: Plan, on_event: Callable[[Event], None]) -> list[ComponentStatus] | None:
        # An OSError here is a supervisor that is gone, as is an answer without an end.
        with contextlib.suppress(OSError), self._connect() as client:
            for answer in _ask(client, {"op": op, "plan": plan.to_json()}):
                if "event" in answer:
                    on_event(Event(**answer["event"]))
                elif answer.get("done"):
                    return [ComponentStatus(**plain) for plain in answer["status"]]
                else:
                    raise AlreadyRunning("the supervisor did not accept the plan", str(answer.get("error", answer)))
        return None

    def stop(self, on_event: Callable[[Event], None] | None, *, now: bool) -> None:
        """Have everything stopped; return when the supervisor has said so or is gone."""
        with contextlib.suppress(OSError), self._connect() as client:
            for answer in _ask(client, {"op": "stop", "now": now}):
                if on_event is not None and "event" in answer:
                    on_event(Event(**answer["event"]))

    def run(self, command: Command, fds: Sequence[int] = STANDARD_FDS, *, pass_signals: bool) -> int:
        """Run a command on these three files; return its exit code as shells have it.

        With `pass_signals` those of a terminal reach the command. Without, what they raise here closes the connection,
        and that ends the command. Raises OSError, ComponentUnknown, and NotRunning when the environment stopped.
        """
        with self._connect() as client, signals_passed_to(_signal_to(client)) if pass_signals else _NOTHING:
            code = _run(client, command, fds)
        return code if code >= 0 else SIGNAL_BASE_CODE - code

    def _connect(self) -> socket.socket:
        return connect(self._socket_path)


_NOTHING = contextlib.nullcontext()


def _run(client: socket.socket, command: Command, fds: Sequence[int]) -> int:
    argv, env = list(command.argv), dict(command.env)
    request = {"op": "run", "component": command.component, "argv": argv, "env": env, "script": command.script}
    message = json.dumps(request).encode() + b"\n"
    sent = socket.send_fds(client, [message], list(fds))
    if sent < len(message):  # nothing may be sent to a supervisor that has answered and gone
        client.sendall(message[sent:])
    for answer in _read(client):
        if "exit_code" in answer:
            return int(answer["exit_code"])
        raise ComponentUnknown(f"cannot run in component {command.component!r}", str(answer.get("error", answer)))
    raise NotRunning("the environment stopped while the command ran", hint="mwaa-local up")


def _signal_to(client: socket.socket) -> Callable[[signal.Signals], None]:
    def tell(number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            client.sendall(json.dumps({"signal": number}).encode() + b"\n")

    return tell


def _ask(client: socket.socket, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    client.sendall(json.dumps(request).encode() + b"\n")
    yield from _read(client)


def _read(client: socket.socket) -> Iterator[dict[str, Any]]:
    with client.makefile("rb") as answers:
        for line in answers:
            yield json.loads(line)
