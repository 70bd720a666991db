"""The files of log events: what comes back, what goes, and what a crash leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest.aws import log_events
from mwaa_local.guest.aws.log_events import LogEvents

ONE = ("000000000000", "us-east-1", "airflow-mine-Task", "dag_id=a/attempt=1.log")
OTHER = (*ONE[:3], "dag_id=b/attempt=1.log")
ELSEWHERE = (ONE[0], "eu-west-1", *ONE[2:])


def event(message: str) -> dict[str, Any]:
    return {"timestamp": 1764504056000, "message": message}


def kept(folder: Path) -> dict[Any, list[str]]:
    return {stream: [message for _, _, message in found] for stream, found in LogEvents(folder).read().items()}


def test_events_come_back_with_their_times(tmp_path: Path) -> None:
    LogEvents(tmp_path).put(ONE, [event("ä\n\u2028b")], 1764504057000)
    assert LogEvents(tmp_path).read() == {ONE: [(1764504057000, 1764504056000, "ä\n\u2028b")]}
    path = next((tmp_path / "logs").iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_each_start_goes_on_in_a_new_file(tmp_path: Path) -> None:
    for start in range(3):
        events = LogEvents(tmp_path)
        events.read()
        events.put(ONE, [event(f"{start}")], 1)
    assert kept(tmp_path) == {ONE: ["0", "1", "2"]}


@pytest.mark.parametrize(
    ("place", "left"),
    [
        (ONE, {OTHER: ["c"], ELSEWHERE: ["b"]}),
        ((*ONE[:3], ""), {ELSEWHERE: ["b"]}),
        ((*ONE[:2], "", ""), {ELSEWHERE: ["b"]}),
    ],
)
def test_what_is_removed_does_not_come_back(tmp_path: Path, place: tuple[str, ...], left: dict[Any, Any]) -> None:
    events = LogEvents(tmp_path)
    for stream, message in ((ONE, "a"), (ELSEWHERE, "b"), (OTHER, "c")):
        events.put(stream, [event(message)], 1)
    events.removed(*place)
    assert kept(tmp_path) == left
    events.put(ONE, [event("again")], 1)
    assert kept(tmp_path) == {**left, ONE: ["again"]}


def test_nothing_is_left_on_disk_when_all_is_removed(tmp_path: Path) -> None:
    events = LogEvents(tmp_path)
    events.put(ONE, [event("secret")], 1)
    events.removed(*ONE[:2])
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    LogEvents(tmp_path).put(ONE, [event("a")], 1)
    path = next((tmp_path / "logs").iterdir())
    path.write_bytes(path.read_bytes() + b'{"put": ["0000')
    events = LogEvents(tmp_path)
    events.read()
    events.put(ONE, [event("b")], 1)
    assert kept(tmp_path) == {ONE: ["a", "b"]}


def test_files_of_others_are_not_read(tmp_path: Path) -> None:
    LogEvents(tmp_path).put(ONE, [event("a")], 1)
    path = next((tmp_path / "logs").iterdir())
    path.chmod(0o644)
    assert kept(tmp_path) == {}
    path.chmod(0o600)
    path.with_name("00000002.jsonl").symlink_to(path)
    assert kept(tmp_path) == {ONE: ["a"]}


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_oldest_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool) -> None:
    monkeypatch.setattr(log_events, "FILE_BYTES", 1000)
    monkeypatch.setattr(log_events, "MOST_BYTES", 5000)
    events = LogEvents(tmp_path if is_kept else None)
    held: list[str] = []
    for number in range(200):
        events.put(ONE, [event(f"{number}")], 1)
        held.append(f"{number}")
        for stream, count in events.too_old().items():
            assert stream == ONE
            del held[:count]
    assert 20 < len(held) < 60
    assert held[-1] == "199"
    assert kept(tmp_path) == ({ONE: held} if is_kept else {})
