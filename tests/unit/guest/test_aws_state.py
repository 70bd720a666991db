"""Where the local AWS keeps what it holds, without moto: whose file is read, and what becomes of another one."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest.aws.state.folder import INLINE_BYTES, Folder, Unreadable, Unusable
from mwaa_local.guest.aws.state.pickling import Reader, Writer

KEY = b"a key"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "aws", KEY, "5.2.5")
    made.open()
    made.write(b"everything", set())
    return made


def state_of(folder: Folder) -> Path:
    return folder.path / "kept" / "state"


def test_what_was_written_is_read_and_private(folder: Folder) -> None:
    assert folder.read() == b"everything"
    folder.write(b"something else", set())
    assert folder.read() == b"something else"
    assert state_of(folder).stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_without_a_copy_there_is_nothing(tmp_path: Path) -> None:
    made = Folder(tmp_path / "aws", KEY, "5.2.5")
    made.open()
    assert made.read() is None


def _torn(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1])


def _empty(state: Path) -> None:
    state.write_bytes(b"")


def _changed(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1] + b"!")


def _readable(state: Path) -> None:
    state.chmod(0o640)


def _writable(state: Path) -> None:
    state.chmod(0o602)


def _link(state: Path) -> None:
    state.rename(state.parent / "elsewhere")
    state.symlink_to(state.parent / "elsewhere")


def _of_another_user(state: Path) -> None:
    os.chown(state, 12345, 12345)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_torn, "it is torn, or was not written by your mwaa-local on this machine"),
        (_empty, "it is torn, or is no copy of ours"),
        (_changed, "it is torn, or was not written by your mwaa-local on this machine"),
        (_readable, "other users may use it: its mode is 640, not 600"),
        (_writable, "other users may use it: its mode is 602, not 600"),
        (_link, "it cannot be opened: Too many levels of symbolic links"),
        pytest.param(_of_another_user, "it belongs to another user", marks=AS_ROOT),
    ],
)
def test_a_copy_that_cannot_be_trusted_is_not_read(spoil: Callable[[Path], None], why: str, folder: Folder) -> None:
    spoil(state_of(folder))
    with pytest.raises(Unreadable, match=re.escape(why)):
        folder.read()


@pytest.mark.parametrize(
    ("key", "version", "why"),
    [
        (b"another key", "5.2.5", "it is torn, or was not written by your mwaa-local on this machine"),
        (KEY, "5.2.6", "it was written with moto-5.2.5, and this is moto-5.2.6"),
    ],
)
def test_a_copy_of_another_user_or_version_is_not_read(key: bytes, version: str, why: str, folder: Folder) -> None:
    with pytest.raises(Unreadable, match=re.escape(why)):
        Folder(folder.path, key, version).read()


def test_another_version_cannot_be_written_over_the_signed_one(folder: Folder) -> None:
    path = state_of(folder)
    path.write_bytes(path.read_bytes().replace(b"5.2.5", b"5.2.6", 1))
    with pytest.raises(Unreadable, match="was not written by your mwaa-local"):
        Folder(folder.path, KEY, "5.2.6").read()


def test_what_is_set_aside_is_kept_whole_and_out_of_the_way(folder: Folder) -> None:
    first = folder.set_aside()
    assert (first / "state").read_bytes().endswith(b"everything")
    assert folder.read() is None
    folder.write(b"anew", set())
    assert folder.set_aside() != first
    assert len(list(folder.path.glob("aside-*"))) == 2


@pytest.mark.parametrize("kind", ["file", "link", pytest.param("another user's", marks=AS_ROOT)])
def test_a_folder_that_is_not_ours_is_not_used(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "aws"
    if kind == "file":
        path.touch()
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
        os.chown(path, 12345, 12345)
    with pytest.raises(Unusable, match=re.escape(str(path))):
        Folder(path, KEY, "5.2.5").open()


def test_a_crash_while_writing_leaves_the_former_copy(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space left"):
        folder.write(b"half of it", set())
    assert folder.read() == b"everything"
    monkeypatch.undo()
    folder.open()
    assert {path.name for path in state_of(folder).parent.iterdir()} == {"state", "bodies"}


def _spooled(content: bytes) -> Any:
    made = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115 - as moto's
    made.write(content)
    return made


def _kept(folder: Folder, things: Any) -> bytes:
    file, bodies = io.BytesIO(), set[str]()
    Writer(file, lambda body: folder.keep_body(body, bodies)).dump(things)
    folder.write(file.getvalue(), bodies)
    return file.getvalue()


def _brought(folder: Folder) -> Any:
    found = folder.read()
    assert found is not None
    return Reader(io.BytesIO(found), folder.bring_body).load()


def _content(file: Any) -> bytes:
    file.seek(0)
    found: bytes = file.read()
    return found


def test_large_bodies_are_written_once_and_go_with_their_objects(folder: Folder) -> None:
    small, large = b"s" * INLINE_BYTES, b"l" * (INLINE_BYTES + 1)
    files = [_spooled(small), _spooled(large), _spooled(large)]
    _kept(folder, files)
    (path,) = (state_of(folder).parent / "bodies").iterdir()
    written = path.stat().st_mtime_ns
    again = _brought(folder)
    assert [_content(file) for file in again] == [small, large, large]
    pickled = _kept(folder, again)
    assert path.stat().st_mtime_ns == written
    assert large not in pickled
    _kept(folder, again[:1])
    assert not path.exists()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"!"), lambda path: path.chmod(0o644)])
def test_a_body_that_is_missing_or_spoiled_is_noticed(spoil: Callable[[Path], Any], folder: Folder) -> None:
    _kept(folder, [_spooled(b"l" * (INLINE_BYTES + 1))])
    (path,) = (state_of(folder).parent / "bodies").iterdir()
    spoil(path)
    with pytest.raises(Unreadable):
        _brought(folder)


def test_the_closed_body_of_a_deleted_object_is_no_failure(folder: Folder) -> None:
    gone = _spooled(b"gone")
    gone.close()
    _kept(folder, [gone])
    assert _content(_brought(folder)[0]) == b""
