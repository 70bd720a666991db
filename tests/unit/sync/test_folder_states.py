"""A sync of a folder that is not as a folder should be: parts that may not be read, and files that vanish or change."""

from __future__ import annotations

import errno
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.errors import AccessDenied
from mwaa_local.project import Project
from mwaa_local.sync.folder import DagsFolder, FolderUnusable
from mwaa_local.sync.of_environment import remarks_on
from mwaa_local.sync.own_files import remove_synced
from mwaa_local.sync.plan import CLOSED
from mwaa_local.sync.state import Source, SyncState
from tests.ordinary_user import ORDINARY_USER, as_ordinary_user
from tests.unit.sync.buckets import MemoryBucket, held, sync_of


@pytest.fixture
def root_dir() -> Iterator[Path]:
    """A project of an ordinary user."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            os.chown(folder, ORDINARY_USER, -1)
        yield Path(folder)


def as_user(test: Callable[..., None]) -> Callable[..., None]:
    """Have a test run as an ordinary user."""

    @functools.wraps(test)
    def with_fewer_rights(*words: object, **given: object) -> None:
        with as_ordinary_user():
            test(*words, **given)

    return with_fewer_rights


@pytest.mark.parametrize("mode", [0, 0o400], ids=["closed", "without entry"])
@as_user
def test_folder_that_may_not_be_read_is_told_and_keeps_nothing_else_from_being_synced(
    mode: int, root_dir: Path
) -> None:
    bucket = MemoryBucket({"a.py": b"1", "closed/b.py": b"1", "closed/gone.py": b"1"})
    sync = sync_of(root_dir, bucket)
    sync.run()
    (root_dir / "dags/closed").chmod(mode)
    bucket.objects = {"a.py": b"2", "closed/b.py": b"2", "closed/new.py": b"2"}
    for _ in range(2):
        done = sync.run()
        assert done is not None
        assert {left.name: left.why for left in done.left} == dict.fromkeys(
            ["closed/b.py", "closed/gone.py", "closed/new.py"], CLOSED
        )
    assert done is not None
    (remark,) = remarks_on(done, Source("bucket", "dags"))
    assert "dags/closed/gone.py, dags/closed/b.py, dags/closed/new.py stay" in remark.what
    assert (remark.why, remark.hint) == (
        "It is in a folder that the launcher is not allowed to read.",
        "let the user that runs the environment read the folder",
    )
    (root_dir / "dags/closed").chmod(0o755)
    done = sync.run()
    assert done is not None
    assert done.left == (), "what is there is still known as the bucket's"
    assert held(root_dir / "dags") == bucket.objects


@as_user
def test_folder_that_becomes_readable_is_looked_at_though_nothing_was_written(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mwaa_local.sync.syncing.SETTLED_S", 0.0)
    sync = sync_of(root_dir, MemoryBucket({"closed/b.py": b"1"}))
    (root_dir / "dags/closed").mkdir(parents=True)
    (root_dir / "dags/closed").chmod(0)
    assert sync.run() is not None
    assert sync.run() is None
    (root_dir / "dags/closed").chmod(0o755)
    done = sync.run()
    assert done is not None
    assert done.written == ("closed/b.py",)


@as_user
def test_dags_folder_that_may_not_be_read_is_told(root_dir: Path) -> None:
    sync = sync_of(root_dir, MemoryBucket({"a.py": b"1"}))
    sync.run()
    (root_dir / "dags").chmod(0)
    with pytest.raises(AccessDenied, match="dags"):
        sync.run()
    (root_dir / "dags").chmod(0o400)
    with pytest.raises(AccessDenied, match="dags"):
        sync.run()
    (root_dir / "dags").chmod(0o700)


@as_user
def test_environment_with_a_folder_that_may_not_be_written_is_still_removed(root_dir: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1", "closed/b.py": b"1", "fixed/c.py": b"1"})
    sync = sync_of(root_dir, bucket)
    sync.run()
    SyncState(Project(root_dir)).comes_from(Source("bucket", "dags"))
    (root_dir / "dags/closed").chmod(0)
    (root_dir / "dags/fixed").chmod(0o500)
    remove_synced(Project(root_dir))
    for name in ("closed", "fixed"):
        (root_dir / "dags" / name).chmod(0o755)
    assert held(root_dir / "dags").keys() == {"closed/b.py", "fixed/c.py"}


def test_file_that_vanishes_between_its_name_and_a_look_at_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = sync_of(tmp_path, MemoryBucket({"a.py": b"1", "b.py": b"1"}))
    sync.run()
    scandir = os.scandir

    def meanwhile(fd: int) -> Any:
        (tmp_path / "dags/temporary").write_text("")
        with scandir(fd) as found:
            entries = _Entries(found)
        (tmp_path / "dags/temporary").unlink()
        return entries

    monkeypatch.setattr("mwaa_local.sync.folder.os.scandir", meanwhile)
    with DagsFolder(tmp_path / "dags") as folder:
        assert folder.look().files.keys() == {"a.py", "b.py"}


class _Entries(list[Any]):
    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_disk_that_fails_is_told_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = sync_of(tmp_path, MemoryBucket({"a/b.py": b"1"}))
    sync.run()

    def fail(_fd: int) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("mwaa_local.sync.folder.os.scandir", fail)
    with pytest.raises(FolderUnusable, match=r"cannot read .*dags"):
        sync.run()


def test_file_that_is_edited_in_its_place_is_noticed_while_the_bucket_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mwaa_local.sync.syncing.SETTLED_S", 0.0)
    sync = sync_of(tmp_path, MemoryBucket({"a.py": b"1"}))
    assert (sync.run(), sync.run()) != (None, None)
    assert sync.run() is None
    with (tmp_path / "dags/a.py").open("r+b") as file:  # the folder's own time stays
        file.write(b"2")
    done = sync.run()
    assert done is not None
    assert [left.name for left in done.left] == ["a.py"]


def test_file_that_was_written_a_moment_ago_is_compared_once_more(tmp_path: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    for path in (tmp_path / "dags", tmp_path / "dags/a.py"):
        os.utime(path, (1, 1))
    sync.run()
    assert sync.run() is None
    (tmp_path / "dags/a.py").write_bytes(b"2")
    assert [sync.run() is None for _ in range(2)] == [False, False]
