"""What `up` and `env` have in common: which runtime, and the way from files to a plan for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mwaa_local.cli.session import Session
from mwaa_local.console import Console
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import AlreadyRunning, ComponentFailed
from mwaa_local.event import Event
from mwaa_local.plan import Plan
from mwaa_local.release import Release
from mwaa_local.remarks import WARNING, Remark
from mwaa_local.runtime.choice import DOCKER, Choice, choose, open_runtime, runs_as_processes
from mwaa_local.runtime.protocol import Wanted
from mwaa_local.seeding.aws_fixtures import FOLDER, Fixtures
from mwaa_local.services import seeding
from mwaa_local.services.aws import AWS

if TYPE_CHECKING:
    from mwaa_local.runtime.compose.by_hand import Written


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
    told = session.console.show_event
    wanted = Wanted(session.project, environment, release, session.env, session.cache_dir, port, tuple(remarks))
    prepared = session.runtime.prepare(wanted, told)
    with _seeding(session, prepared.plan):
        all_remarks = session.runtime.start(prepared, told)
    return Started(prepared.plan, all_remarks)


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


def write_compose_files(session: Session, environment: Environment, release: Release) -> Written:
    """Write what Docker Compose needs, without asking an engine for anything.

    Raises AlreadyRunning where the environment runs as processes: its ports would be taken.
    """
    from mwaa_local.runtime.compose import by_hand

    if runs_as_processes(session.project, session.env):
        raise AlreadyRunning("this environment is already running, as processes", hint="run `mwaa-local down` first")
    wanted = Wanted(session.project, environment, release, session.env, session.cache_dir)
    return by_hand.write_compose_files(wanted, session.console.show_event)
