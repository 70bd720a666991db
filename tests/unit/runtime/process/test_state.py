"""What the process runtime keeps on disk: private, whole or not at all, and read back without trust."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mwaa_local.runtime.process.state import SESSIONS_NAME, STATE_NAME, State, read_state, remember_session, write_state


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    state = State(pid=4211, started=1234.5, isolated=True)
    write_state(tmp_path / "run", state)
    assert read_state(tmp_path / "run") == state


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b'{"pid": 1}', b'{"pid": "x", "started": 1, "isolated": true}', b"\xff\xfe"],
)
def test_state_that_cannot_be_understood_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE_NAME).write_bytes(content)
    assert read_state(tmp_path) is None


def test_sessions_are_added_line_by_line_and_private(tmp_path: Path) -> None:
    before = time.time()
    remember_session(tmp_path, 11)
    remember_session(tmp_path, 12)
    path = tmp_path / SESSIONS_NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["pid"] for line in lines] == [11, 12]
    assert all(before <= line["started"] <= time.time() for line in lines)
    assert path.stat().st_mode & 0o777 == 0o600
