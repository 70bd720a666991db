"""A status says what the record and the components together allow, and never more."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.api.environments.status import Look, Looks, status_of
from mwaa_local.healthy import health_page, health_page_answers
from mwaa_local.plan import Component, HttpReady, Plan
from mwaa_local.project import Project

NOW = 1_000_000.0
HEALTHY = Look(NOW, is_running=True, is_healthy=True)
UNHEALTHY = Look(NOW, is_running=True, why="worker.1 is restarting")
STOPPED = Look(NOW, why="it is not running")
RECORD = Record("demo", records.BY_API, NOW, {})


def doing(kind: str, phase: str = records.ACCEPTED, settled: str = "") -> Record:
    return replace(RECORD, operation=replace(Operation.new(kind, {}), phase=phase), settled=settled)


@pytest.mark.parametrize(
    ("record", "look", "status"),
    [
        (doing("create"), HEALTHY, "CREATING"),  # healthy already, but nobody has said so
        (doing("create", records.PENDING), STOPPED, "PENDING"),
        (doing("update", settled="AVAILABLE"), HEALTHY, "UPDATING"),
        (doing("update", records.ROLLING_BACK, "AVAILABLE"), HEALTHY, "ROLLING_BACK"),
        (doing("delete", settled="AVAILABLE"), HEALTHY, "DELETING"),
        (doing("up"), STOPPED, "CREATING"),
        (doing("up", settled="AVAILABLE"), HEALTHY, "UPDATING"),
        (replace(RECORD, settled="AVAILABLE"), HEALTHY, "AVAILABLE"),
        (replace(RECORD, settled="AVAILABLE"), UNHEALTHY, "UNAVAILABLE"),
        (replace(RECORD, settled="AVAILABLE"), STOPPED, "UNAVAILABLE"),
        (replace(RECORD, settled="UPDATE_FAILED"), HEALTHY, "UPDATE_FAILED"),
        (replace(RECORD, settled="UPDATE_FAILED"), STOPPED, "UNAVAILABLE"),
        (replace(RECORD, settled="UNAVAILABLE"), HEALTHY, "UNAVAILABLE"),  # a rollback that failed
        (replace(RECORD, settled="CREATE_FAILED"), STOPPED, "CREATE_FAILED"),
        (replace(RECORD, settled="CREATE_FAILED"), UNHEALTHY, "UNAVAILABLE"),
    ],
)
def test_status_of_record_and_look(record: Record, look: Look, status: str) -> None:
    assert status_of(record, look) == status


class SlowLooks(Looks):
    """Looks during which something happens."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__({})
        self.meanwhile, self.looks = meanwhile, 0

    def _look(self, project: Project, healthy_at: float) -> Look:
        self.looks += 1
        seen = Look(time.monotonic(), why=f"look {self.looks}")
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return seen


def test_look_that_began_before_a_change_is_not_kept(tmp_path: Path) -> None:
    project = Project(tmp_path)
    looks = SlowLooks(lambda: looks.forget(project))
    assert looks.look(project).why == "look 1"
    assert looks.look(project).why == "look 2"
    assert looks.look(project).why == "look 2"  # as long as it lasts


def test_look_takes_the_place_of_no_newer_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    newer = Look(time.monotonic() + 1, is_running=True)
    looks = SlowLooks(lambda: looks.know(project, newer))
    assert looks.look(project) == newer
    assert looks.look(project) == newer


class Answers(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    code = 200

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.code)
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def door_port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def plan(ports: dict[str, int]) -> Plan:
    webserver = Component("webserver", ("airflow",), {}, HttpReady("http://127.0.0.1:9/api/v2/monitor/health"))
    return Plan(
        airflow_version="3.3.1",
        components=(webserver, Component("door", ("door",), {}, HttpReady("http://127.0.0.1:9/_mwaa-local/door"))),
        ports=ports,
        home_dir="/usr/local/airflow",
        database_url="",
        broker_url="",
        queue="queue",
    )


def test_health_page_is_asked_through_the_front_door(door_port: int) -> None:
    asked = plan({"door": door_port})
    assert health_page(asked) == HttpReady(f"http://127.0.0.1:{door_port}/api/v2/monitor/health")
    assert health_page_answers(asked)
    assert Answers.asked[-1] == "/api/v2/monitor/health"


def test_health_page_that_says_no_is_no_answer(door_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "code", 503)
    assert not health_page_answers(plan({"door": door_port}))
    assert not health_page_answers(plan({"door": 9}))  # nobody listens
