"""Files of our own are private, whole or not there, and read back without trust."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mwaa_local.errors import StateCorrupted
from mwaa_local.files import read_json, write_private


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "new folder" / "secret"
    before = os.umask(umask)
    try:
        write_private(path, "text")
    finally:
        os.umask(before)
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_private_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "a longer text")
    with path.open() as reader:
        write_private(path, "short")
        assert reader.read() == "a longer text"
    assert path.read_text() == "short"
    assert [item.name for item in tmp_path.iterdir()] == ["secret"]


def test_private_file_takes_no_mode_over_from_what_a_crash_left(tmp_path: Path) -> None:
    part = tmp_path / "secret.part"
    part.write_text("half")
    part.chmod(0o644)
    write_private(tmp_path / "secret", "whole")
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_damaged_json_says_what_where_and_how_to_mend_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secrets.json"
    path.write_bytes(content)
    with pytest.raises(StateCorrupted) as caught:
        read_json(path, "the file of secrets", "restore it")
    assert str(path) in caught.value.what
    assert caught.value.what.startswith("the file of secrets")
    assert caught.value.why
    assert caught.value.hint == "restore it"


def test_json_that_is_missing_is_corrupted_state(tmp_path: Path) -> None:
    with pytest.raises(StateCorrupted):
        read_json(tmp_path / "secrets.json", "the file", "")
