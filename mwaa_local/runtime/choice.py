"""Which runtime a command uses: the one that runs already, the one that was asked for, or what this machine has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.errors import AlreadyRunning, DockerUnavailable
from mwaa_local.project import Project
from mwaa_local.runtime.process.state import STATE_NAME as PROCESS_STATE_NAME

if TYPE_CHECKING:
    from mwaa_local.runtime.protocol import Runtime

DOCKER, PROCESS, AUTO = "docker", "process", "auto"
DOCKER_STATE_NAME = "docker.json"
_WORDS = {DOCKER: "Docker", PROCESS: "processes"}


@dataclass(frozen=True)
class Choice:
    """A runtime, and why it was taken, for people."""

    kind: str  # DOCKER or PROCESS
    why: str = ""
    is_worth_a_look: bool = False  # Docker is there, but something is wrong with it


def existing_runtime(project: Project, env: Mapping[str, str]) -> Runtime:
    """Return the runtime that has something in the project; that of processes where none has."""
    return open_runtime(DOCKER if remembered(project) == DOCKER else PROCESS, project, env)


def open_runtime(kind: str, project: Project, env: Mapping[str, str]) -> Runtime:
    """Return that runtime; the other is not even imported."""
    if kind == DOCKER:
        from mwaa_local.runtime.compose.runtime import ComposeRuntime

        return ComposeRuntime(project, env)
    from mwaa_local.runtime.process.runtime import ProcessRuntime

    return ProcessRuntime(project, env)


def runtimes_with_data(project: Project, env: Mapping[str, str]) -> Iterator[Runtime]:
    """Yield every runtime that can have data of this project, whether it runs or not."""
    yield open_runtime(PROCESS, project, env)
    if (project.state_dir / "docker").exists():
        yield open_runtime(DOCKER, project, env)


def runs_as_processes(project: Project, env: Mapping[str, str]) -> bool:
    """Whether the environment runs, and as processes. No engine is asked."""
    return remembered(project) != DOCKER and open_runtime(PROCESS, project, env).running


def choose(wanted: str, project: Project, env: Mapping[str, str]) -> Choice:
    """Return what `up` uses. A running environment stays where it is.

    Raises AlreadyRunning when the other runtime was asked for meanwhile, DockerUnavailable when Docker was asked for
    and does not answer.
    """
    running = _running(project, env)
    if running and wanted not in (AUTO, running):
        raise AlreadyRunning(
            f"this environment is already running, with {_WORDS[running]}",
            f"It cannot move to {_WORDS[wanted]} while it runs; each has its own database.",
            f"run `mwaa-local down` first, or leave `--runtime {wanted}` out",
        )
    if running:
        return Choice(running)
    if wanted != AUTO:
        if wanted == DOCKER:
            _engine(env)
        return Choice(wanted)
    try:
        return Choice(DOCKER, f"Docker {_engine(env)} answers")
    except DockerUnavailable as error:
        return Choice(PROCESS, f"no Docker: {error.what}", is_worth_a_look=error.is_worth_a_look)


def _running(project: Project, env: Mapping[str, str]) -> str:
    here = remembered(project)
    try:
        return here if here and open_runtime(here, project, env).running else ""
    except DockerUnavailable:  # no container runs under an engine that does not
        return ""


def _engine(env: Mapping[str, str]) -> str:
    from mwaa_local.runtime.compose.engine import Engine

    return Engine.open(env).version()


def remembered(project: Project) -> str:
    """Return in which runtime something of the project is or was; "" for none."""
    if (project.run_dir / DOCKER_STATE_NAME).exists():
        return DOCKER
    return PROCESS if (project.run_dir / PROCESS_STATE_NAME).exists() else ""


def with_databases(project: Project) -> str:
    """Return the runtime in which databases of the project are; "" for none. Where both have some, that used last."""
    if here := remembered(project):
        return here
    if project.database_dir.is_dir() and any(project.database_dir.iterdir()):
        return PROCESS
    return DOCKER if (project.state_dir / "docker").exists() else ""


def run_script(project: Project, env: Mapping[str, str], component: str, script: Path, argv: Sequence[str]) -> int:
    """Run a program of ours in the environment of a component that is a process; containers do not see the file."""
    from mwaa_local.runtime.process.runtime import ProcessRuntime

    return ProcessRuntime(project, env).run(component, argv, script=script)
