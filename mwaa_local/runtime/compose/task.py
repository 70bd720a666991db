"""Run one container to its end, or while it is needed, and remove it whatever comes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from mwaa_local.command import TIMED_OUT_EXIT_CODE
from mwaa_local.database.health import Health
from mwaa_local.database.session import line_of_full_server, no_room
from mwaa_local.errors import (
    QUOTED,
    ComponentNotReady,
    DiskFull,
    DockerUnavailable,
    ImageBuildFailed,
    MwaaLocalError,
    PortInUse,
    line_on_full_disk,
)
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.engine_tasks import Task
from mwaa_local.runtime.compose.output import start_error

POLL_PAUSE_S = 0.2
SERVER_START_TIMEOUT_S = 120.0  # a new one makes its data folder first
LAST_LINES = 20


def run_task(engine: Engine, task: Task, on_line: Callable[[str], None], timeout_s: float) -> tuple[int, str]:
    """Run a container to its end; return its exit code and output, lines of both streams mixed."""
    with started(engine, task) as container_id:
        output = Output(engine, container_id, on_line)
        deadline = time.monotonic() + timeout_s
        while True:
            container = engine.container(container_id)
            if container is None:
                raise DockerUnavailable(f"the container for {task.service} was removed while it ran")
            output.fetch(ended=not container.is_alive)
            if not container.is_alive:
                return container.exit_code, output.text
            if time.monotonic() > deadline:
                return TIMED_OUT_EXIT_CODE, output.text
            time.sleep(POLL_PAUSE_S)


@contextlib.contextmanager
def server(engine: Engine, task: Task, url: str) -> Iterator[str]:
    """Run PostgreSQL and yield its container's id once the database `url` answers; it is stopped in order.

    Raises ComponentNotReady with its last lines, or DiskFull.
    """
    with started(engine, task) as container_id:
        try:
            with contextlib.closing(Health(url, "")) as health:
                _wait(engine, container_id, health)
            yield container_id
        except DiskFull:
            raise
        except MwaaLocalError as error:  # of which it may have told its clients nothing
            output = Output(engine, container_id, lambda line: None)
            output.fetch(ended=False)
            if line := line_of_full_server(output.text):
                raise no_room(line) from error
            raise
        finally:
            engine.stop([container_id], now=False)


def _wait(engine: Engine, container_id: str, health: Health) -> None:
    deadline = time.monotonic() + SERVER_START_TIMEOUT_S
    while not health.database_answers():
        container = engine.container(container_id)
        ended = container is None or not container.is_alive
        if ended or time.monotonic() > deadline:
            output = Output(engine, container_id, lambda line: None)
            output.fetch(ended=ended)
            kind = DiskFull if line_on_full_disk(output.text) else ComponentNotReady
            raise kind("postgres did not start", output.last_lines() or health.last_error)
        time.sleep(POLL_PAUSE_S)


@contextlib.contextmanager
def started(engine: Engine, task: Task) -> Iterator[str]:
    """Start a container and yield its id; remove it whatever comes."""
    _ensure_image(engine, task.image)
    container_id = engine.create_container(task)
    try:
        if problem := engine.start_container(container_id):
            known = start_error(problem, {}, engine.publisher_of)
            if isinstance(known, PortInUse):  # it was free when it was picked
                known.hint = "run the command again: it picks another free port"
            raise known or DockerUnavailable(f"the container for {task.service} could not be started", problem)
        yield container_id
    finally:
        engine.discard_container(container_id)


def _ensure_image(engine: Engine, image: str) -> None:
    if engine.has_image(image):
        return
    done = engine.pull(image)
    if not engine.has_image(image):
        raise ImageBuildFailed(
            f"cannot pull the image {image}",
            done.stdout,
            "check that the registry answers, or name an image that is here: MWAA_POSTGRES_IMAGE",
        )


class Output:
    """What a container writes, line by line."""

    def __init__(self, engine: Engine, container_id: str, on_line: Callable[[str], None]) -> None:
        self._engine = engine
        self._id = container_id
        self._on_line = on_line
        self._newest: dict[str, int] = {}
        self._lines: list[str] = []

    def fetch(self, *, ended: bool) -> None:
        for line in self._engine.output(self._id, self._newest, ended=ended):
            self._newest[line.stream] = line.time_ns
            self._lines.append(line.text)
            self._on_line(line.text)

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def last_lines(self) -> str:
        return "\n".join(f"{QUOTED}{line}" for line in self._lines[-LAST_LINES:])
