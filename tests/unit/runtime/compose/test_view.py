"""Containers as components of a plan: names, states, and how an end is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.event import (
    ENDED,
    FAILED,
    FINISHED,
    LEAVING,
    NO_CONTAINER,
    NOT_READY,
    NOT_RUN,
    RESTARTING,
    WAITING,
    Cause,
)
from mwaa_local.plan import Component, ExitedOk, LogReady, Plan
from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name, scale_words
from mwaa_local.runtime.compose.docker_run import compose_env
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.resizing import leaving_statuses, name_on_host
from mwaa_local.runtime.compose.state import Failure
from mwaa_local.runtime.compose.stored import ComposeProject, Container
from mwaa_local.runtime.compose.view import (
    ReadyContainers,
    by_component,
    component_names,
    describe_end,
    negative_for_signal,
    state_at_rest,
    status_of,
)

EXITED = Container(
    id="1",
    name="p-worker-1",
    service="worker",
    number=1,
    status="exited",
    health="",
    pid=0,
    exit_code=0,
    out_of_memory=False,
    memory_limit_bytes=0,
    restarts=0,
    started=1.0,
    finished=2.0,
    error="",
    ports=(),
)
STAYS = Component("worker", ("a",), {}, LogReady("up"))
ENDS = Component("migrate-db", ("a",), {}, ExitedOk())


@pytest.mark.parametrize(
    ("places", "known", "expected"),
    [
        ([("worker", 2)], ["worker.1", "worker.2"], ["worker.2"]),
        ([("worker", 1)], ["worker"], ["worker"]),
        ([("listener.1", 1)], ["listener.1"], ["listener.1"]),
        # Compose may keep the second of two, and numbers on from the highest.
        ([("worker", 2)], ["worker.1"], ["worker.1"]),
        ([("worker", 3), ("worker", 2)], ["worker.1", "worker.2"], ["worker.1", "worker.2"]),
        ([("worker", 11), ("worker", 9)], ["worker.1", "worker.2"], ["worker.2", "worker.1"]),
        # While there is one too many, it has no place.
        ([("worker", 2), ("worker", 1)], ["worker.1"], ["worker", "worker.1"]),
        ([("stranger", 1)], ["worker.1"], ["stranger"]),
    ],
)
def test_container_bears_its_number_or_takes_the_free_place(
    places: list[tuple[str, int]], known: list[str], expected: list[str]
) -> None:
    named = component_names({str(index): place for index, place in enumerate(places)}, known)
    assert list(named.values()) == expected


def test_only_container_of_a_service_is_its_only_component() -> None:
    plan = Plan((replace(STAYS, name="worker.1"),), "3.3.1", {}, "", "", "", "")
    kept = replace(EXITED, id="b", number=2)
    assert by_component(plan, [kept]) == {"worker.1": kept}


@pytest.mark.parametrize(
    ("code", "expected"), [(0, 0), (1, 1), (127, 127), (128, 128), (137, -9), (143, -15), (255, 255)]
)
def test_signals_are_negative(code: int, expected: int) -> None:
    assert negative_for_signal(code) == expected


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (replace(EXITED, exit_code=7), "exit code 7"),
        (replace(EXITED, exit_code=143), "signal SIGTERM"),
        (replace(EXITED, exit_code=137, out_of_memory=True), "signal SIGKILL, killed for lack of memory"),
        (
            replace(EXITED, exit_code=137, out_of_memory=True, memory_limit_bytes=512 << 20),
            "signal SIGKILL, killed for lack of memory (limit 512 MiB)",
        ),
        (
            replace(EXITED, exit_code=1, out_of_memory=True),
            "exit code 1, after one of its processes was killed for lack of memory",
        ),
    ],
)
def test_end_is_described(container: Container, text: str) -> None:
    assert describe_end(container) == text


@pytest.mark.parametrize(
    ("component", "container", "expected"),
    [
        (ENDS, EXITED, (FINISHED, "")),
        (STAYS, EXITED, (FAILED, "exit code 0")),
        (ENDS, replace(EXITED, exit_code=1), (FAILED, "exit code 1")),
        (STAYS, replace(EXITED, status="restarting", exit_code=3), (RESTARTING, "exit code 3")),
        (STAYS, replace(EXITED, status="created"), (WAITING, "")),
        (STAYS, replace(EXITED, status="created", error="no such file"), (FAILED, "no such file")),
    ],
)
def test_state_of_a_container_that_is_not_up(
    component: Component, container: Container, expected: tuple[str, str]
) -> None:
    assert state_at_rest(component, container) == expected


@pytest.mark.parametrize(
    ("container", "cause"),
    [
        (replace(EXITED, exit_code=1), ENDED),
        (replace(EXITED, status="restarting", exit_code=3), ENDED),
        (replace(EXITED, status="created", error="no such file"), NOT_RUN),
        (replace(EXITED, status="created"), ""),
        (None, NO_CONTAINER),
    ],
)
def test_status_has_the_cause(container: Container | None, cause: Cause, tmp_path: Path) -> None:
    engine = Engine({}, "docker", "unix:///nowhere")
    readiness = ReadyContainers(Plan((STAYS,), "3.3.1", {}, "", "", "q", "/"), engine, {})
    assert status_of(STAYS, container, None, readiness, engine).cause == cause
    remembered = Failure(container.id if container else "", "in other words", cause=NOT_READY)
    assert status_of(STAYS, container, remembered, readiness, engine).cause == (
        cause if container and container.is_alive else NOT_READY
    )


@pytest.mark.parametrize(
    ("folder", "readable"),
    [("My Project!", "mwaa-my-project-"), ("___", "mwaa-local-"), ("a" * 50, f"mwaa-{'a' * 20}-"), ("Ünï", "mwaa-n-")],
)
def test_name_of_the_compose_project_is_readable_and_allowed(folder: str, readable: str) -> None:
    name = compose_name(Project(Path("/somewhere") / folder))
    assert name.startswith(readable)
    assert name != compose_name(Project(Path("/elsewhere") / folder))
    assert name.replace("-", "").isalnum()
    assert name == name.lower()


def test_env_file_wins_over_the_callers_shell(tmp_path: Path) -> None:
    """Compose itself takes the shell's value, which may be a leftover of another project."""
    path = tmp_path / "compose.env"
    path.write_text("MWAA_IMAGE=own\n\n# comment\n")
    shell = {"MWAA_IMAGE": "leftover", "MWAA_POSTGRES_IMAGE": "wanted", "COMPOSE_FILE": "x", "PATH": "/bin"}
    cleaned = compose_env(shell, ComposeProject("p", tmp_path, None, path))
    assert cleaned == {"MWAA_POSTGRES_IMAGE": "wanted", "PATH": "/bin"}


def test_task_is_in_the_container_whose_id_its_host_name_is() -> None:
    up = {f"worker.{number}": replace(EXITED, id=f"{number}" * 64, status="running", pid=number) for number in (1, 2)}
    assert name_on_host("2" * 12, up) == "worker.2"
    assert name_on_host("2" * 12 + ".network", up) == "worker.2"
    for unknown in ("", "2", "3" * 12, "my-machine"):
        assert name_on_host(unknown, up) is None
    assert name_on_host("2" * 12, {"worker.2": replace(up["worker.2"], status="exited")}) is None


def test_worker_that_leaves_has_a_container_and_a_state_until_it_has_ended() -> None:
    plan = Plan((STAYS,), "3.3.1", {}, "", "", "", "", leaving={"worker.2": 7.0})
    leaver = replace(EXITED, id="2", number=2, status="running", pid=22)
    present = by_component(plan, [leaver])
    assert present == {"worker.2": leaver}
    (status,) = leaving_statuses(plan, present)
    assert (status.name, status.state, status.pid, status.since) == ("worker.2", LEAVING, 22, 7.0)
    assert not list(leaving_statuses(plan, {"worker.2": replace(leaver, status="exited")}))
    assert scale_words(plan) == ["--scale", "worker=2"]
    assert scale_words(plan.without_left(())) == []
