"""A component's cause decides which error it is and which one is told; the words of its detail decide nothing."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from mwaa_local.errors import ComponentFailed, ComponentNotReady, PortInUse
from mwaa_local.event import (
    DEPENDENCY_FAILED,
    ENDED,
    FAILED,
    NO_CONTAINER,
    NOT_READY,
    NOT_RUN,
    READY,
    Cause,
    ComponentStatus,
)
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.compose.output import refusal
from mwaa_local.runtime.compose.state import Failure
from mwaa_local.runtime.failures import component_error, roots_first
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.state import State, write_state
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME, _short_path
from mwaa_local.runtime.protocol import Prepared

CAUSES: tuple[Cause, ...] = (DEPENDENCY_FAILED, NOT_READY, ENDED, NOT_RUN, NO_CONTAINER)
# What today is said of one cause each, and sentences that nobody wrote yet.
WORDS = ("not started: scheduler failed", "not ready after 5 s", "exit code 1 after 0.2 s", "perdu", "")
PLAN = Plan((), "3.3.1", {}, "", "", "q", "/")
SHUTDOWN_POLL_S = 0.02  # how soon the server below notes that it is to end
PORT_TAKEN = "Bind for 127.0.0.1:8080 failed: port is already allocated"


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("cause", CAUSES)
def test_kind_of_the_error_follows_the_cause_whatever_the_words(cause: Cause, words: str) -> None:
    error = component_error("worker", cause, words, ["last line"], Path("worker.log"))
    assert type(error) is (ComponentNotReady if cause == NOT_READY else ComponentFailed)
    assert words in error.what
    assert error.what.startswith("worker did not become ready: " if cause == NOT_READY else "worker failed: ")
    assert "  | last line" in error.why


@pytest.mark.parametrize("words", WORDS)
def test_component_that_another_one_kept_down_is_reported_last_whatever_the_words(words: str) -> None:
    down = ComponentStatus("a", FAILED, detail=words, cause=DEPENDENCY_FAILED)
    roots = [
        ComponentStatus(name, FAILED, detail=WORDS[0], cause=cause)
        for name, cause in zip("bcde", CAUSES[1:], strict=True)
    ]
    assert roots_first([down, *roots], lambda status: status.cause) == [*roots, down]


def test_only_what_the_engine_refused_is_searched_for_its_words() -> None:
    failure = Failure("1", PORT_TAKEN)
    ports = {"door": 8080}
    assert isinstance(refusal(replace(failure, cause=NOT_RUN), ports, lambda port: ""), PortInUse)
    for cause in set(CAUSES) - {NOT_RUN}:
        assert refusal(replace(failure, cause=cause), ports, lambda port: "") is None


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("cause", [ENDED, NOT_READY])
def test_answer_of_the_supervisor_is_judged_by_causes(tmp_path: Path, cause: Cause, words: str) -> None:
    project = Project(tmp_path)
    statuses = [
        ComponentStatus("kept-down", FAILED, detail=words, cause=DEPENDENCY_FAILED),
        ComponentStatus("well", READY),
        ComponentStatus("root", FAILED, detail=words, cause=cause),
    ]
    with supervisor_that_says(project, statuses):
        runtime = ProcessRuntime(project, {})
        assert runtime.status() == statuses
        with pytest.raises((ComponentFailed, ComponentNotReady)) as caught:
            runtime.start(Prepared(PLAN), lambda event: None)
    assert caught.value.what.startswith("root ")
    assert isinstance(caught.value, ComponentNotReady) == (cause == NOT_READY)


@contextmanager
def supervisor_that_says(project: Project, statuses: list[ComponentStatus]) -> Iterator[None]:
    """Answer a launcher over a real socket; this process stands for the supervisor's."""
    plain = {"done": True, "status": [asdict(status) for status in statuses], "plan": None}

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if self.rfile.readline():  # a launcher that only looks whether anyone is there asks nothing
                self.wfile.write(json.dumps(plain).encode() + b"\n")

    project.run_dir.mkdir(parents=True)
    write_state(project.run_dir, State(os.getpid(), psutil.Process().create_time(), isolated=False))
    with (
        _short_path(project.run_dir / SOCKET_NAME) as short,
        socketserver.ThreadingUnixStreamServer(short, Answer) as server,
    ):
        serving = threading.Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_S,))
        serving.start()
        yield
        server.shutdown()
        serving.join()
