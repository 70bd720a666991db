"""What the Docker runtime remembers comes back as it was or not at all, and its locks keep commands apart."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mwaa_local.event import ENDED
from mwaa_local.plan import Component, LogReady, Plan
from mwaa_local.runtime.compose.state import STATE_NAME, Failure, StateFile
from mwaa_local.runtime.compose.stored import ComposeProject

PLAN = Plan((Component("worker.1", ("a",), {"A": "1"}, LogReady("up"), ("b",)),), "3.3.1", {"p": 1}, "", "", "q", "/")
COMPOSE = ComposeProject("p", Path("/project"), Path("/project/docker-compose.yml"), None)


def test_everything_comes_back(tmp_path: Path) -> None:
    state_file = StateFile(tmp_path / "run")
    state_file.begin(PLAN, COMPOSE)
    state_file.note_ready({"one": 1.5})
    failure = Failure("two", "exit code 1", 1, 2, 3.5, ENDED)
    state_file.note_failed("worker.1", failure)
    found = StateFile(tmp_path / "run").read()
    assert found is not None
    assert Plan.from_json(found.plan) == PLAN
    assert (found.compose, found.ready, found.failed) == (COMPOSE, {"one": 1.5}, {"worker.1": failure})
    assert found.names() == {"worker.1"}


def test_next_start_keeps_what_is_ready_and_forgets_what_failed(tmp_path: Path) -> None:
    state_file = StateFile(tmp_path)
    state_file.begin(PLAN, COMPOSE)
    state_file.note_ready({"one": 1.5})
    state_file.note_failed("worker.1", Failure("two", "exit code 1"))
    state_file.begin(PLAN, COMPOSE)
    found = state_file.read()
    assert found is not None
    assert (found.ready, found.failed) == ({"one": 1.5}, {})


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"plan": {}}', b'{"plan": {"components": [1]}}']
)
def test_garbage_is_nothing(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / STATE_NAME).write_bytes(garbage)
    assert StateFile(tmp_path).read() is None


def test_nothing_is_noted_where_nothing_is_remembered(tmp_path: Path) -> None:
    state_file = StateFile(tmp_path)
    state_file.note_ready({"one": 1.5})
    state_file.note_failed("worker", Failure("", "why"))
    assert not state_file.exists


def test_only_one_changes_at_a_time(tmp_path: Path) -> None:
    first, second = StateFile(tmp_path), StateFile(tmp_path)
    with first.changing() as mine:
        assert mine
        with second.changing(wait=False) as also_mine:
            assert not also_mine
    with second.changing(wait=False) as now_mine:
        assert now_mine


def test_wish_to_stop_is_seen_while_it_lasts(tmp_path: Path) -> None:
    starter, stopper = StateFile(tmp_path), StateFile(tmp_path)
    assert not starter.stop_is_wanted()
    with stopper.stopping():
        assert starter.stop_is_wanted()
    assert not starter.stop_is_wanted()


def test_second_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def wait_and_note() -> None:
        with StateFile(tmp_path).changing():
            order.append("second")

    with StateFile(tmp_path).changing():
        second = threading.Thread(target=wait_and_note)
        second.start()
        second.join(0.2)
        order.append("first")
    second.join()
    assert order == ["first", "second"]
