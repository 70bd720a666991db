"""What `up` and `env` have in common: which runtime, and the way from files to a plan for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.cli.session import Session
from mwaa_local.console import Console
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import AlreadyRunning, ComponentFailed, DockerUnavailable, MwaaLocalError
from mwaa_local.event import Event
from mwaa_local.plan import Plan
from mwaa_local.release import Release
from mwaa_local.remarks import WARNING, Remark
from mwaa_local.runtime.choice import DOCKER, Choice, choose, open_runtime
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.process.prepare import Preparation
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.seeding.aws_fixtures import FOLDER, Fixtures
from mwaa_local.services import seeding
from mwaa_local.services.aws import AWS


@dataclass(frozen=True)
class Started:
    """A plan that runs, and what was learnt on the way."""

    plan: Plan
    remarks: tuple[Remark, ...]


def take_runtime(session: Session, wanted: str) -> tuple[Session, Choice]:
    """Return the session with the runtime that is wanted, and why it is that one."""
    choice = choose(wanted, session.project, session.env)
    return replace(session, chosen=open_runtime(choice.kind, session.project, session.env)), choice


def say_choice(console: Console, choice: Choice) -> list[Remark]:
    """Say which runtime was taken where the user left it open; return what is worth a look about that."""
    if choice.why:
        name = "Docker" if choice.kind == DOCKER else "processes"
        console.show_event(Event("runtime", "done", detail=f"{name} ({choice.why})"))
    if not choice.is_worth_a_look:
        return []
    hint = "run `mwaa-local up --runtime docker` to see why"
    return [Remark(WARNING, "runtime", "Docker is on this machine but was not used", choice.why, hint)]


def prepare_and_start(
    session: Session, environment: Environment, release: Release, port: int | None, remarks: list[Remark]
) -> Started:
    """Bring the environment up in the session's runtime; what is not up at a failure was not up before."""
    runtime: Runtime = session.runtime
    before = runtime.running_plan()
    parts = (session.project, environment, release, session.env, session.cache_dir, before, session.console.show_event)
    from mwaa_local.runtime.process.runtime import ProcessRuntime

    if isinstance(runtime, ProcessRuntime):
        of_processes = Preparation(*parts, port, remarks)
        prepared = of_processes.prepare()
        with _seeding(session, prepared.plan):
            runtime.start(prepared.plan, session.console.show_event)
        of_processes.user.settle()
        return Started(prepared.plan, prepared.remarks)

    from mwaa_local.runtime.compose.prepare import ContainerPreparation
    from mwaa_local.runtime.compose.runtime import ComposeRuntime

    assert isinstance(runtime, ComposeRuntime)
    preparation = ContainerPreparation(*parts, port, remarks, runtime=runtime)
    prepared = preparation.prepare()
    try:
        with _seeding(session, prepared.plan):
            preparation.set_up(prepared.plan)
            runtime.start(prepared.plan, session.console.show_event)
    except MwaaLocalError:
        preparation.judge()  # where the startup script is the cause, that is what to say
        raise
    started = Started(prepared.plan, tuple(preparation.judge()))
    preparation.forget_replaced()
    preparation.user.settle()
    return started


@contextlib.contextmanager
def _seeding(session: Session, plan: Plan) -> Iterator[None]:
    """Around a start: say what was put into the database, or what of it could not be."""
    since = time.time()
    try:
        yield
    except ComponentFailed:
        seeding.raise_for_failure(session.runtime, plan, since)
        raise
    seeding.tell(session.runtime, plan, since, session.console.show_event)
    if AWS in plan.ports:
        counts = Fixtures.load(session.project).counts or f"nothing, because {FOLDER}/ is empty"
        detail = f"http://127.0.0.1:{plan.ports[AWS]} holds {counts}"
        session.console.show_event(Event("local AWS", "done", detail=detail))


@dataclass(frozen=True)
class Written:
    """The files for Compose, and the command that reads them, without its last words."""

    dir: Path
    command: tuple[str, ...]
    remarks: tuple[Remark, ...]


def write_compose_files(session: Session, environment: Environment, release: Release) -> Written:
    """Write what Docker Compose needs, without asking an engine for anything.

    Raises AlreadyRunning where the environment runs as processes: its ports would be taken.
    """
    from mwaa_local.runtime.compose.prepare import ContainerPreparation
    from mwaa_local.runtime.compose.runtime import ComposeRuntime

    if not isinstance(session.runtime, ComposeRuntime) and session.runtime.running:
        raise AlreadyRunning("this environment is already running, as processes", hint="run `mwaa-local down` first")
    runtime = ComposeRuntime(session.project, session.env)
    try:
        before = runtime.running_plan()
    except DockerUnavailable:  # then nothing of it runs
        before = None
    parts = (session.project, environment, release, session.env, session.cache_dir, before, session.console.show_event)
    preparation = ContainerPreparation(*parts, runtime=runtime, build_image=False)
    prepared = preparation.prepare()
    runtime.remember(prepared.plan)
    command = (
        "docker",
        "compose",
        "--file",
        str(COMPOSE_PATH.resolve()),
        "--env-file",
        str(preparation.files.env_path),
    )
    return Written(preparation.files.dir, command, prepared.remarks)
