"""Files of our own are private, whole or not there, and read back without trust."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mwaa_local import flock
from mwaa_local.errors import AccessDenied, DiskFull, StateCorrupted
from mwaa_local.files import (
    PART_SUFFIX,
    make_private,
    read_json,
    remove_parts,
    remove_tree,
    swap,
    whole_file,
    write_private,
    write_surely,
)
from tests.ordinary_user import as_ordinary_user, reachable_folder

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


# A process that begins to write a file, says so, and waits for its end.
WRITER = """
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from mwaa_local.files import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"begun\n"
        yield process
        process.stdin.close()


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_whole_file_has_its_name_and_its_mode_only_at_the_end(tmp_path: Path, umask: int) -> None:
    path, before = tmp_path / "file", os.umask(umask)
    try:
        with whole_file(path, mode=0o644) as file:
            file.write(b"whole")
            [part] = tmp_path.iterdir()
            assert (part.name.startswith("."), part.name.endswith(PART_SUFFIX)) == (True, True)
            assert part.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    assert (names(tmp_path), path.read_bytes(), path.stat().st_mode & 0o777) == (["file"], b"whole", 0o644)


def test_what_is_raised_meanwhile_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_surely(path, b"before")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert (names(tmp_path), path.read_bytes()) == (["file"], b"before")


def test_file_that_somebody_else_makes_meanwhile_is_replaced_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(FileExistsError), whole_file(path, replaces=False) as file:
        file.write(b"ours")
        path.write_bytes(b"theirs")
    assert (names(tmp_path), path.read_bytes()) == (["file"], b"theirs")
    write_surely(path, b"ours")
    assert path.read_bytes() == b"ours"


def test_part_of_who_was_killed_goes_with_the_next_file_and_one_at_work_stays(tmp_path: Path) -> None:
    with writer(tmp_path / "killed") as killed, writer(tmp_path / "at work") as at_work:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert [name.endswith(PART_SUFFIX) for name in names(tmp_path)] == [True, True]
        foreign = [f".{'0' * 31}{PART_SUFFIX}", ".file.part", "file.part", f"file{PART_SUFFIX}"]
        for name in foreign:
            (tmp_path / name).touch()
        folder = tmp_path / f".{'0' * 32}{PART_SUFFIX}"
        folder.mkdir()
        write_surely(tmp_path / "next", b"next")
        left = set(names(tmp_path)) - {*foreign, folder.name, "next"}
        assert [name.endswith(PART_SUFFIX) for name in left] == [True], "that of the one at work"
        assert at_work.stdin is not None
        at_work.stdin.close()
        assert at_work.wait() == 0
    assert (tmp_path / "at work").read_bytes() == b"half"
    assert set(names(tmp_path)) == {"at work", "next", folder.name, *foreign}


def test_part_that_is_taken_for_a_left_one_as_it_is_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who tidies up has its lock before its writer has."""
    attempt = flock.attempt
    stolen: list[str] = []

    def second(fd: int) -> bool:
        if not stolen:
            [part] = tmp_path.iterdir()
            stolen.append(part.name)
            part.unlink()
        return attempt(fd)

    monkeypatch.setattr(flock, "attempt", second)
    write_surely(tmp_path / "file", b"whole")
    assert (names(tmp_path), len(stolen)) == (["file"], 1)


def test_file_is_written_where_there_are_no_locks_and_nothing_is_removed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    left = tmp_path / f".{'0' * 32}{PART_SUFFIX}"
    left.touch()
    monkeypatch.setattr(flock, "attempt", refuse)
    write_surely(tmp_path / "file", b"whole")
    assert names(tmp_path) == sorted([left.name, "file"])


def test_no_room_and_no_right_are_errors_of_ours(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=f"no space left below {tmp_path}"), whole_file(tmp_path / "file"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(AccessDenied, match="not allowed to use"), whole_file(tmp_path / "file"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "write", [write_private, lambda path, text: write_surely(path, text.encode())], ids=["private", "surely"]
)
def test_folder_is_named_and_not_the_hidden_part_in_it(write: Callable[[Path, str], None]) -> None:
    with reachable_folder() as folder:
        with as_ordinary_user(folder), pytest.raises(AccessDenied) as caught:
            write(folder / "file", "text")
        assert (caught.value.what, "part" in caught.value.why) == (f"not allowed to use {folder}", False)
        assert names(folder) == []


def test_file_of_somebody_else_is_named_where_it_may_not_be_replaced() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    with reachable_folder() as folder:
        (folder / "file").touch()
        folder.chmod(0o1777)  # as /tmp
        with as_ordinary_user(), pytest.raises(AccessDenied) as caught:
            write_surely(folder / "file", b"text")
        assert caught.value.what == f"not allowed to use {folder / 'file'}"
        assert names(folder) == ["file"]


def test_part_is_opened_for_writing_to_be_locked(tmp_path: Path) -> None:
    """NFS gives an exclusive lock on nothing else: what a killed command left would stay there for ever."""
    part = tmp_path / f".{'0' * 32}{PART_SUFFIX}"
    part.touch()
    opened: list[int] = []

    def note(event: str, words: tuple[object, ...]) -> None:  # for as long as this process lives
        if event == "open" and words[0] == str(part) and isinstance(words[2], int):
            opened.append(words[2] & os.O_ACCMODE)

    sys.addaudithook(note)
    remove_parts(tmp_path)
    assert opened == [os.O_RDWR]
    assert not part.exists()
