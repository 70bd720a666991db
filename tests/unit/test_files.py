"""Files of our own are private, whole or not there, and read back without trust."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from mwaa_local.errors import StateCorrupted
from mwaa_local.files import make_private, read_json, remove_tree, swap, write_private

ORDINARY_USER = 12345


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


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_private_folder_is_for_its_owner_only_and_stays_where_it_is_there(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = make_private(tmp_path / "folder")
    finally:
        os.umask(before)
    (folder / "kept").write_text("")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(make_private(folder).iterdir()) == [folder / "kept"]


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


def test_folders_that_may_not_be_opened_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tree"
    (folder / "closed" / "below").mkdir(parents=True)
    (folder / "closed" / "below" / "file").touch()
    for path in (folder / "closed" / "below", folder / "closed", folder, tmp_path):
        if os.geteuid() == 0:  # who may open everything
            os.chown(path, ORDINARY_USER, -1)
        path.chmod(0o700 if path == tmp_path else 0)
    monkeypatch.chdir(tmp_path)  # the folders above are not for that user
    if (child := os.fork()) == 0:
        exit_code = 1
        with contextlib.suppress(BaseException):
            if os.geteuid() == 0:
                os.setuid(ORDINARY_USER)
            remove_tree(Path("tree"))
            exit_code = 0
        os._exit(exit_code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not folder.exists()


def test_as_much_is_removed_as_can_be(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing" / "there", ignore_errors=True)
    file = tmp_path / "file"
    file.touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for path in (file, link):
        remove_tree(path)
    assert list(tmp_path.iterdir()) == []


def test_two_folders_change_names(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"was {name}").touch()
    swap(tmp_path / "one", tmp_path / "other")
    found = {path.name: [file.name for file in path.iterdir()] for path in tmp_path.iterdir()}
    assert found == {"one": ["was other"], "other": ["was one"]}


def test_read_only_folders_are_removed_and_what_links_lead_to_is_not(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "file").mkdir(parents=True)
    folder = tmp_path / "gone" / "module"
    folder.mkdir(parents=True)
    (folder / "a.go").touch()
    (tmp_path / "gone" / "link").symlink_to(kept)
    folder.chmod(0o555)
    remove_tree(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    assert (kept / "file").is_dir()
