"""The process runtime: plain processes under a detached supervisor, which later commands find again.

This is the launcher's side. The supervisor is asked over its socket; when it is gone, what it left is cleaned up.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.errors import AlreadyRunning, ComponentFailed, ComponentNotReady, ComponentUnknown, NotRunning
from mwaa_local.event import FAILED, STOPPED, STOPPING, ComponentStatus, Event, LogLine
from mwaa_local.plan import Plan
from mwaa_local.project import MARK_VARIABLE, Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime import logfile
from mwaa_local.runtime.failures import component_error, roots_first
from mwaa_local.runtime.memory import kills_on_machine
from mwaa_local.runtime.ports import check_ports
from mwaa_local.runtime.process.state import ISOLATION_VARIABLE, SESSIONS_NAME, STATE_NAME, State, read_state
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME, connect
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.wanted import Wanted

SUPERVISOR_START_TIMEOUT_S = 10.0
SAME_PROCESS_S = 5.0  # a process whose start differs from the remembered one by more is another one with the same pid
KILL_WAIT_S = 10.0
SIGNAL_BASE_CODE = 128  # an exit code after a signal is this and its number, as shells report it
POLL_PAUSE_S = 0.02


class ProcessRuntime:
    """Runs one project's plan as processes."""

    def __init__(self, project: Project, env: Mapping[str, str]) -> None:
        self.project = project
        self._env = env
        self._socket_path = project.run_dir / SOCKET_NAME

    # The verbs.

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        from mwaa_local.runtime.process.prepare import Preparation  # most commands prepare nothing

        return Preparation(wanted, self.running_plan(), on_event).prepare()

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        prepared.set_up()
        self._start(prepared.plan, on_event)
        remarks = prepared.judge()
        prepared.settle()
        return remarks

    def _start(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        if self.running:
            before = self.running_plan()
            check_ports(plan.ports, before.ports if before else {}, plan.ports_asked)
        else:
            self.clean_up()
            check_ports(plan.ports, {}, plan.ports_asked)
            self._launch_supervisor()
        statuses = [ComponentStatus(**plain) for plain in self._apply(plan, on_event)]
        failed = [status for status in statuses if status.state == FAILED]
        for status in roots_first(failed, lambda status: status.cause):
            raise self._failure(status)
        if any(status.state in (STOPPING, STOPPED) for status in statuses):
            raise NotRunning("the environment was stopped while it started", hint="mwaa-local up")

    def _apply(self, plan: Plan, on_event: Callable[[Event], None]) -> list[dict[str, Any]]:
        """Have the supervisor carry the plan out; return every component's status as it says them."""
        # An OSError here is a supervisor that is gone, as is an answer without an end.
        with contextlib.suppress(OSError), connect(self._socket_path) as client:
            for answer in _ask(client, {"op": "apply", "plan": plan.to_json()}):
                if "event" in answer:
                    on_event(Event(**answer["event"]))
                elif answer.get("done"):
                    return list(answer["status"])
                else:
                    raise AlreadyRunning("the supervisor did not accept the plan", str(answer.get("error", answer)))
        path = self._supervisor_log_path
        lines = "\n".join(f"  | {line}" for line in _last_lines(path))
        raise ComponentFailed(
            "the supervisor ended while it started the environment",
            f"Its last lines:\n{lines}\nThe whole log: {path}",
            "`mwaa-local up` cleans up and starts again",
        )

    def scale(self, component: str, count: int, on_event: Callable[[Event], None]) -> None:
        plan = self.running_plan()
        if plan is None:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        self._start(plan.scaled(component, count), on_event)

    def finish_stop(self, on_event: Callable[[Event], None]) -> None:
        answer = self._status()
        if answer is not None and answer.get("is_stopping"):  # an older version's supervisor does not say
            on_event(Event("environment", "working", detail="is still being stopped; waiting for the end of that"))
            self.stop(on_event=on_event)

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        running = self.running
        if running:
            with contextlib.suppress(OSError), connect(self._socket_path) as client:
                for answer in _ask(client, {"op": "stop", "now": now}):
                    if on_event is not None and "event" in answer:
                        on_event(Event(**answer["event"]))
            if self._wait_for_end():
                self._forget()
                self._remove_temporary()
                return True
        cleaned = self.clean_up()
        self._remove_temporary()
        return cleaned or running

    def _remove_temporary(self) -> None:
        """Remove what components had no time to remove, as those that were killed."""
        shutil.rmtree(self.project.temporary_dir, ignore_errors=True)

    def status(self) -> list[ComponentStatus]:
        answer = self._status()
        if answer is None:
            return []
        statuses = [ComponentStatus(**plain) for plain in answer["status"]]
        outer = self._outer_pids()
        # One that died just now has no pid out here any more; the inner number could be anyone's.
        return statuses if outer is None else [replace(item, pid=outer.get(item.pid or 0)) for item in statuses]

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        paths = logfile.chosen(self.project.logs_dir, names)
        return logfile.read(paths, follow=follow, from_end=from_end)

    def run(self, component: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        with self._connect_running() as client, _signals_to(client):
            code = self._run(client, component, argv, env or {}, (0, 1, 2))
            return code if code >= 0 else SIGNAL_BASE_CODE - code

    def run_script(self, component: str, script: Path, argv: Sequence[str]) -> int:
        """Run a program of ours as `run` does a command; any signal of a terminal reaches it as SIGINT."""
        with self._connect_running() as client, _signals_to(client):
            code = self._run(client, component, argv, {}, (0, 1, 2), str(script))
            return code if code >= 0 else SIGNAL_BASE_CODE - code

    def capture(self, component: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed.

        A signal is for the caller: what it raises closes the connection, and that ends the command.
        """
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
            Path(os.devnull).open() as nothing,
            self._connect_running() as client,
        ):
            fds = (nothing.fileno(), output.fileno(), output.fileno())
            exit_code = self._run(client, component, argv, {}, fds)
            output.seek(0)
            return exit_code, output.read()

    @staticmethod
    def _run(
        client: socket.socket,
        component: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        fds: Sequence[int],
        script: str = "",
    ) -> int:
        request = {"op": "run", "component": component, "argv": list(argv), "env": dict(env), "script": script}
        message = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(client, [message], list(fds))
        if sent < len(message):  # nothing may be sent to a supervisor that has answered and gone
            client.sendall(message[sent:])
        for answer in _read(client):
            if "exit_code" in answer:
                return int(answer["exit_code"])
            raise ComponentUnknown(f"cannot run in component {component!r}", str(answer.get("error", answer)))
        raise NotRunning("the environment stopped while the command ran", hint="mwaa-local up")

    def memory_kills(self) -> int | None:
        return kills_on_machine()

    def remove_data(self) -> None:
        for folder in (self.project.database_dir, self._queue_dir, self.project.state_dir / "packages"):
            shutil.rmtree(folder, ignore_errors=True)

    def remove_database(self, airflow_version: str) -> None:
        for folder in (self.project.database_dir / airflow_version, self._queue_dir):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _queue_dir(self) -> Path:
        return self.project.state_dir / "broker"

    # Looking.

    @property
    def running(self) -> bool:
        """Whether the supervisor lives and answers."""
        state = read_state(self.project.run_dir)
        if state is None or _find(state) is None:
            return False
        try:
            connect(self._socket_path).close()
        except OSError:
            return False
        return True

    @property
    def was_cut_off(self) -> bool:
        """Whether a supervisor left its state behind."""
        return read_state(self.project.run_dir) is not None and not self.running

    def running_plan(self) -> Plan | None:
        answer = self._status()
        if not answer or not answer["plan"]:
            return None
        try:
            return Plan.from_json(answer["plan"])
        except (TypeError, KeyError) as error:
            raise AlreadyRunning(
                "another version of mwaa-local started this environment",
                f"Its plan is not understood: {error}.",
                "mwaa-local down, then mwaa-local up",
            ) from error

    def _status(self) -> dict[str, Any] | None:
        if not self.running:
            return None
        with contextlib.suppress(OSError), connect(self._socket_path) as client:
            return next(_ask(client, {"op": "status"}), None)
        return None  # it ended between the two questions

    def _connect_running(self) -> socket.socket:
        if not self.running:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        return connect(self._socket_path)

    def processes(self) -> list[psutil.Process]:
        """Return every process of the environment, the supervisor first."""
        state = read_state(self.project.run_dir)
        first = _find(state) if state else None
        if first is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [first, *first.children(recursive=True)]
        return []

    def _outer_pids(self) -> dict[int, int] | None:
        """Return {pid inside the environment's process namespace: pid as everyone else sees it}; None without one."""
        state = read_state(self.project.run_dir)
        if state is None or not state.isolated:
            return None
        outer = {}
        for process in self.processes():
            with contextlib.suppress(OSError, IndexError, StopIteration):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                inner = next(line for line in lines if line.startswith("NSpid:")).split()[-1]
                outer[int(inner)] = process.pid
        return outer

    # Starting.

    def _launch_supervisor(self) -> None:
        self.project.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        log_path = self._supervisor_log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            subprocess.run(
                [
                    *(sys.executable, "-m", "mwaa_local.runtime.process.supervisor"),
                    *(self.project.run_dir, self.project.logs_dir, self._env.get(ISOLATION_VARIABLE, "")),
                ],
                env={**self._env, MARK_VARIABLE: str(self.project.run_dir)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        deadline = time.monotonic() + SUPERVISOR_START_TIMEOUT_S
        while not self.running:
            if time.monotonic() > deadline:
                raise ComponentNotReady(
                    f"the supervisor did not answer within {SUPERVISOR_START_TIMEOUT_S:.0f} s",
                    "\n".join(_last_lines(log_path)) or "It wrote nothing.",
                    f"see {log_path}",
                )
            time.sleep(POLL_PAUSE_S)

    @property
    def _supervisor_log_path(self) -> Path:
        return self.project.logs_dir / "supervisor.out"

    def _failure(self, status: ComponentStatus) -> ComponentFailed | ComponentNotReady:
        path = self.project.logs_dir / f"{status.name}.log"
        return component_error(status.name, status.cause, status.detail, logfile.tail(path), path)

    # Ending.

    def _wait_for_end(self) -> bool:
        """Wait for the supervisor's end; return whether that was seen and nothing can have outlived it."""
        state = read_state(self.project.run_dir)
        if state is None:
            return False
        deadline = time.monotonic() + KILL_WAIT_S
        while _find(state) is not None:  # a zombie is gone for us, however long its parent takes to notice
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_PAUSE_S)
        return state.isolated  # the kernel ended whoever was left in its process namespace

    def _forget(self) -> None:
        for name in (STATE_NAME, SOCKET_NAME, SESSIONS_NAME):
            (self.project.run_dir / name).unlink(missing_ok=True)

    def clean_up(self) -> bool:
        """End what a dead or deaf supervisor left; return whether there was anything."""
        left = self.leftovers()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(left, timeout=KILL_WAIT_S / 2)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=KILL_WAIT_S / 2)
        self._forget()
        return bool(left)

    def leftovers(self) -> list[psutil.Process]:
        """Return the processes of this environment that nobody looks after.

        A process is ours when it descends from the remembered one, lives in a session that we opened, or carries
        our mark in its environment. Each test alone misses some: Airflow renames its processes over their
        environment, tasks open sessions of their own, and a child loses its parent when that dies.
        """
        run_dir = self.project.run_dir
        found: dict[int, psutil.Process] = {process.pid: process for process in self.processes()}
        sessions = _sessions(run_dir)
        mark = str(run_dir)
        for process in psutil.process_iter():
            if process.pid == os.getpid() or process.pid in found:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) in sessions or process.environ().get(MARK_VARIABLE) == mark:
                    found[process.pid] = process
        return list(found.values())


def _sessions(run_dir: Path) -> set[int]:
    """Return the sessions that a supervisor without a process namespace opened and that are still the same ones."""
    sessions = set()
    with contextlib.suppress(OSError):
        for line in (run_dir / SESSIONS_NAME).read_text(errors="replace").splitlines():
            try:
                plain = json.loads(line)
                state = State(int(plain["pid"]), float(plain["started"]), isolated=False)
            except (ValueError, KeyError, TypeError):
                continue
            if not psutil.pid_exists(state.pid) or _find(state) is not None:
                sessions.add(state.pid)
    return sessions


def _find(state: State) -> psutil.Process | None:
    """Return the remembered process if it still is that process."""
    try:
        process = psutil.Process(state.pid)
        if abs(process.create_time() - state.started) > SAME_PROCESS_S or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return process


def _last_lines(path: Path) -> list[str]:
    """Return the last lines of a file without times; nothing when there is none."""
    try:
        return path.read_text(errors="replace").splitlines()[-logfile.TAIL_LINES :]
    except OSError:
        return []


def _ask(client: socket.socket, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    client.sendall(json.dumps(request).encode() + b"\n")
    yield from _read(client)


def _read(client: socket.socket) -> Iterator[dict[str, Any]]:
    with client.makefile("rb") as answers:
        for line in answers:
            yield json.loads(line)


@contextlib.contextmanager
def _signals_to(client: socket.socket) -> Iterator[None]:
    """While a command runs for us elsewhere, pass the signals that a terminal sends on to it."""

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            client.sendall(json.dumps({"signal": number}).encode() + b"\n")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # What is ignored, as SIGHUP under nohup, is so for the command as well.
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
