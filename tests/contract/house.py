"""One project with a runtime in it, the same for every backend."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

import psutil

from mwaa_local.event import ComponentStatus, Event
from mwaa_local.plan import Component, Plan
from mwaa_local.project import MARK_VARIABLE, Project
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.compose.state import STATE_NAME as DOCKER_STATE_NAME
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.state import ISOLATION_VARIABLE, SESSIONS_NAME, STATE_NAME
from mwaa_local.runtime.protocol import Prepared
from tests.docker import GeneratedRuntime
from tests.fakes import wait_until

Open = Callable[[Project, Mapping[str, str]], ProcessRuntime | ComposeRuntime]
DOCKER = "docker"
# How to open each backend: processes with a namespace of their own where the system allows it, and without; containers.
NOT_ISOLATED = "process-not-isolated"
BACKENDS: dict[str, Open] = {
    "process": ProcessRuntime,
    NOT_ISOLATED: lambda project, env: ProcessRuntime(project, {**env, ISOLATION_VARIABLE: "none"}),
    DOCKER: GeneratedRuntime,
}
ONE_OF_EACH_KIND = ("process", DOCKER)
# A container's first process, which reaps the others and passes signals on; it runs nothing of its own.
CONTAINER_INIT = "docker-init"
RUN_WAIT = (
    "import os, sys; from pathlib import Path; from mwaa_local.project import Project; "
    "from mwaa_local.runtime.choice import existing_runtime; "
    "sys.exit(existing_runtime(Project(Path(sys.argv[1])), dict(os.environ)).run('scheduler', ['wait']))"
)
STATE_NAMES = (STATE_NAME, SESSIONS_NAME, DOCKER_STATE_NAME)


@dataclass
class House:
    """One project, its runtime, and the events it told."""

    project: Project
    runtime: ProcessRuntime | ComposeRuntime
    path: str
    marker: str = field(default_factory=lambda: f"mwaa-local-test-{uuid4().hex}")
    events: list[Event] = field(default_factory=list)

    def plan(self, *components: Component, ports: Mapping[str, int] | None = None, queue: str = "q") -> Plan:
        """Return a plan of these components; each process bears this house's marker in its argv."""
        env = {"PATH": self.path, MARK_VARIABLE: str(self.project.run_dir)}
        return Plan(
            components=tuple(self._marked(item, env) for item in components),
            airflow_version="3.3.1",
            ports=ports or {},
            database_url="postgresql://127.0.0.1:1/nowhere",
            broker_url="redis://127.0.0.1:1/0",
            queue=queue,
            home_dir=str(self.project.root_dir),
        )

    def _marked(self, component: Component, env: Mapping[str, str]) -> Component:
        argv = component.argv if component.airflow_argv else (*component.argv, self.marker)
        return replace(component, argv=argv, env={**env, **component.env, "TEST_MARKER": self.marker})

    def up(self, *components: Component, ports: Mapping[str, int] | None = None) -> dict[str, ComponentStatus]:
        """Start exactly these components; return how they are."""
        self.runtime.start(Prepared(self.plan(*components, ports=ports)), self.events.append)
        return self.status()

    def status(self) -> dict[str, ComponentStatus]:
        return {item.name: replace(item, pid=_program(item.pid)) for item in self.runtime.status()}

    def pids(self) -> dict[str, int | None]:
        return {item.name: item.pid for item in self.status().values()}

    def pid(self, name: str) -> int:
        pid = self.status()[name].pid
        assert pid is not None
        return pid

    def processes(self) -> list[int]:
        """Return every process that this house's components started, wherever they went."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE or process.name() == CONTAINER_INIT:
                    continue
                if self.marker in process.cmdline() or process.environ().get("TEST_MARKER") == self.marker:
                    found.append(process.pid)
        return found

    def no_process_is_left(self) -> bool:
        return wait_until(lambda: not self.processes(), "the end of all processes")

    def end(self) -> list[int]:
        """Stop everything at once; return the processes that had to be killed afterwards, which is a failure."""
        self.runtime.stop(now=True)
        left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def cut_off(self) -> None:
        """End everything as a power cut would, as far as that can be had."""
        if isinstance(self.runtime, ProcessRuntime):
            for process in reversed(self.runtime.processes()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            wait_until(lambda: not self.runtime.running, "the end of the supervisor")
        else:
            ids = [item.id for item in self.runtime.containers()]
            subprocess.run(["docker", "rm", "--force", *ids], check=True, capture_output=True)
        self.no_process_is_left()

    def texts(self, *names: str) -> list[str]:
        return [line.text for line in self.runtime.logs(names, follow=False)]

    def states_of(self, name: str) -> list[str]:
        return [event.state for event in self.events if event.component == name]

    def wait_for(self, name: str, check: Callable[[ComponentStatus], bool], what: str) -> ComponentStatus:
        def seen() -> ComponentStatus | None:
            status = self.status().get(name)
            return status if status is not None and check(status) else None

        found = wait_until(seen, f"{name} {what}")
        assert found is not None
        return found


def _program(pid: int | None) -> int | None:
    """Return the process that the component's program is, where that is not the first one of its container."""
    if pid is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.name() != CONTAINER_INIT:
            return pid
        return next((child.pid for child in process.children()), None)
    return None


def begin_waiting(house: House, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Run a command that waits for a signal, from a client of its own."""
    client = subprocess.Popen(
        [sys.executable, "-c", RUN_WAIT, str(house.project.root_dir)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "waiting\n"
    return client
