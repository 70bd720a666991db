"""A sync, on a real folder: both sides are equal after it, and what is not from the bucket stays."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.sync.folder import FolderUnusable
from mwaa_local.sync.names import Item, as_files
from mwaa_local.sync.reading import BucketUnreadable
from tests.unit.sync.buckets import PREFIX, MemoryBucket, TornBucket, held, md5, sync_of

# Few parts, so that files and folders of the same name, and files that move, are often among them.
PART = st.sampled_from(["a", "b", "A", "c.py", "..", "", "__pycache__", "é"])
NAME = st.lists(PART, min_size=1, max_size=3).map("/".join)
OBJECTS = st.dictionaries(NAME, st.binary(max_size=3), max_size=8)
PLAIN = st.lists(st.sampled_from(["a", "b", "A", "c.py"]), min_size=1, max_size=3).map("/".join)


def as_files_of(bucket: MemoryBucket) -> dict[str, bytes]:
    items = [Item(PREFIX + name, md5(body), len(body)) for name, body in bucket.objects.items()]
    return {name: bucket.objects[item.key.removeprefix(PREFIX)] for name, item in as_files(items, PREFIX)[0].items()}


def marks(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((path, path.lstat()) for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): (about.st_ino, about.st_mtime_ns) for path, about in found}


@settings(max_examples=60, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_both_sides_are_equal_after_a_sync_and_a_second_does_nothing(states: list[dict[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dags, bucket = Path(folder, "dags"), MemoryBucket()
        sync = sync_of(Path(folder), bucket)
        for objects in states:
            wanted = as_files_of(MemoryBucket(objects))
            before = [name for name, body in held(dags).items() if wanted.get(name) == body]
            former = marks(dags)
            bucket.objects = dict(objects)
            done = sync.run()
            assert done is not None
            assert held(dags) == as_files_of(bucket)
            assert done.left == ()
            after = marks(dags)
            assert {name: after[name] for name in before} == {name: former[name] for name in before}, "left untouched"
            folders = [path for path in dags.rglob("*") if path.is_dir()]
            assert all(any(path.iterdir()) for path in folders), "no empty folder stays"
            again = sync.run()
            assert again is None or again.is_nothing
            assert marks(dags) == after


@settings(max_examples=80, deadline=None)
@given(OBJECTS, st.dictionaries(PLAIN, st.sampled_from(["file", "link", "edit", "delete"]), max_size=4), OBJECTS)
def test_what_somebody_else_put_there_stays_and_nothing_outside_is_touched(
    before: dict[str, bytes], deeds: dict[str, str], after: dict[str, bytes]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, bucket = Path(folder, "project"), MemoryBucket(before)
        outside = Path(folder, "outside")
        outside.mkdir()
        (outside / "c.py").write_bytes(b"outside")
        root.mkdir()
        dags, sync = root / "dags", sync_of(root, bucket)
        sync.run()
        theirs = {name: content for name, deed in deeds.items() if (content := _do(dags, name, deed, outside))}
        # What a later deed has put into the place of an earlier one is not there any more.
        theirs = {name: content for name, content in theirs.items() if held(dags).get(name) == content}
        bucket.objects = dict(after)
        sync.run()
        found = held(dags)
        assert {name: found.get(name) for name in theirs} == theirs
        wanted = as_files_of(bucket)
        assert {name: body for name, body in found.items() if name not in theirs}.items() <= wanted.items()
        again = sync.run()
        assert again is None or again.is_nothing
        assert held(dags) == found
        assert held(outside) == {"c.py": b"outside"}


def _do(dags: Path, name: str, deed: str, outside: Path) -> bytes:
    """Do something to a path as a user would; return what is there then that is not the bucket's; b"" for nothing."""
    path = dags / name
    try:
        if deed == "delete":
            path.unlink()
            return b""
        if deed == "edit" and not path.is_file():
            return b""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.resolve() != path.parent:
            return b""
        if deed == "link":
            path.symlink_to(outside)
            return b"-> " + str(outside).encode()
        if path.is_symlink():
            return b""
        path.write_bytes(b"somebody's own")
    except OSError:
        return b""
    return b"somebody's own"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return tmp_path / "dags"


def test_new_file_is_readable_by_components_of_another_user(tmp_path: Path, dags: Path) -> None:
    former = os.umask(0o077)
    try:
        sync_of(tmp_path, MemoryBucket({"a/b.py": b"1"})).run()
    finally:
        os.umask(former)
    assert stat.S_IMODE((dags / "a/b.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((dags / "a").stat().st_mode) == 0o755


def test_file_comes_into_its_place_whole_and_nothing_else_is_seen_there(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a.zip": b"old", "b.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    bucket.objects["a.zip"] = b"new"
    seen: list[dict[str, bytes]] = []
    bucket.before_fetch = lambda: seen.append(held(dags))
    with (dags / "a.zip").open("rb") as reader:
        sync.run()
        assert reader.read() == b"old", "who reads it goes on with the old one"
    assert seen == [{"a.zip": b"old", "b.py": b"1"}]
    assert held(dags) == {"a.zip": b"new", "b.py": b"1"}


def test_without_a_change_neither_side_is_looked_through(tmp_path: Path, dags: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("mwaa_local.sync.syncing.SETTLED_S", 0.0)
    bucket = MemoryBucket({"a/b.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    assert (sync.run(), sync.run()) != (None, None)
    assert sync.run() is None
    (dags / "a/b.py").unlink()
    done = sync.run()
    assert done is not None
    assert done.written == ("a/b.py",)
    assert done.plan.gets[0].reason == "missing"


def test_bucket_that_goes_away_in_the_middle_leaves_the_folder_as_it_was(tmp_path: Path, dags: Path) -> None:
    sync_of(tmp_path, MemoryBucket({"a.py": b"1", "b.py": b"1"})).run()
    torn = TornBucket({"a.py": b"2", "c.py": b"2"})
    with pytest.raises(BucketUnreadable):
        sync_of(tmp_path, torn).run()
    assert held(dags) == {"a.py": b"1", "b.py": b"1"}
    sync_of(tmp_path, MemoryBucket(torn.objects)).run()
    assert held(dags) == torn.objects


def test_sync_that_was_killed_between_files_goes_on_with_what_is_its_own(
    tmp_path: Path, dags: Path, monkeypatch: Any
) -> None:
    sync_of(tmp_path, MemoryBucket({"a.py": b"1", "b.py": b"1", "gone.py": b"1"})).run()
    bucket = MemoryBucket({"a.py": b"2", "b.py": b"2", "c.py": b"2"})

    class Killed(BaseException):
        pass

    from mwaa_local.sync.folder import DagsFolder

    put = DagsFolder.put

    def die_at_b(folder: DagsFolder, staged: Path, get: Any) -> Any:
        if get.name == "b.py":
            raise Killed
        return put(folder, staged, get)

    monkeypatch.setattr(DagsFolder, "put", die_at_b)
    with pytest.raises(Killed):
        sync_of(tmp_path, bucket).run()
    monkeypatch.undo()
    assert held(dags) == {"a.py": b"2", "b.py": b"1"}
    bucket.objects["a.py"] = b"3"
    done = sync_of(tmp_path, bucket).run()
    assert done is not None
    assert (done.left, held(dags)) == ((), {"a.py": b"3", "b.py": b"2", "c.py": b"2"})


def test_file_that_was_changed_here_stays_until_it_is_equal_again(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    (dags / "a.py").write_bytes(b"mine")
    for body in (b"1", b"2"):
        bucket.objects["a.py"] = body
        done = sync.run()
        assert done is not None
        assert [(left.name, left.why) for left in done.left] == [
            ("a.py", "it was changed here since it came from the bucket")
        ]
        assert held(dags) == {"a.py": b"mine"}
    bucket.objects["a.py"] = b"mine"
    done = sync.run()
    assert done is not None
    assert (done.left, done.written) == ((), ())
    bucket.objects["a.py"] = b"3"
    sync.run()
    assert held(dags) == {"a.py": b"3"}


def test_file_that_was_only_touched_is_still_the_buckets(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    os.utime(dags / "a.py", (1, 1))
    bucket.objects = {"a.py": b"2"}
    sync.run()
    assert held(dags) == {"a.py": b"2"}
    os.utime(dags / "a.py", (1, 1))
    bucket.objects = {}
    sync.run()
    assert held(dags) == {}


def test_file_that_changes_while_it_is_fetched_stays(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    bucket.objects = {"a.py": b"2", "new.py": b"2"}

    def meanwhile() -> None:
        (dags / "a.py").write_bytes(b"mine, meanwhile")
        (dags / "new.py").write_bytes(b"mine, too")

    bucket.before_fetch = meanwhile
    done = sync.run()
    assert done is not None
    assert [left.name for left in done.left] == ["a.py", "new.py"]
    assert held(dags) == {"a.py": b"mine, meanwhile", "new.py": b"mine, too"}


def test_link_that_comes_meanwhile_is_met_and_not_followed(tmp_path: Path, dags: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bucket = MemoryBucket({"a/b.py": b"1"})
    bucket.before_fetch = lambda: (dags / "a").symlink_to(outside)
    done = sync_of(tmp_path, bucket).run()
    assert done is not None
    assert [left.name for left in done.left] == ["a/b.py"]
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "file"])
def test_dags_folder_that_is_none_is_refused(kind: str, tmp_path: Path, dags: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    if kind == "link":
        dags.symlink_to(tmp_path / "elsewhere")
    else:
        dags.write_text("")
    with pytest.raises(FolderUnusable, match="cannot sync into"):
        sync_of(tmp_path, MemoryBucket({"a.py": b"1"})).run()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_folder_that_only_has_pythons_cache_left_goes(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a/b/c.py": b"1", "a/d.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    (dags / "a/b/__pycache__").mkdir()
    (dags / "a/b/__pycache__/c.cpython-311.pyc").write_bytes(b"")
    del bucket.objects["a/b/c.py"]
    sync.run()
    assert [path.name for path in (dags / "a").iterdir()] == ["d.py"]
    bucket.objects.clear()
    sync.run()
    assert dags.is_dir()
    assert list(dags.iterdir()) == []


def test_plan_says_what_would_be_done_and_does_nothing(tmp_path: Path, dags: Path) -> None:
    bucket = MemoryBucket({"a.py": b"1", "b.py": b"1"})
    sync = sync_of(tmp_path, bucket)
    sync.run()
    bucket.objects = {"a.py": b"2", "new.py": b"1", "../x": b"1"}
    plan = sync.plan()
    assert [(get.name, get.reason) for get in plan.gets] == [("a.py", "changed"), ("new.py", "new")]
    assert [delete.name for delete in plan.deletes] == ["b.py"]
    assert [one.key for one in plan.skipped] == ["dags/../x"]
    assert held(dags) == {"a.py": b"1", "b.py": b"1"}


def test_damaged_list_of_files_is_told_and_equal_files_are_known_again_without_it(tmp_path: Path, dags: Path) -> None:
    from mwaa_local.errors import StateCorrupted

    bucket = MemoryBucket({"a.py": b"1"})
    sync_of(tmp_path, bucket).run()
    listed = tmp_path / ".mwaa-local/sync/files.json"
    for text in ("{", "[]", '{"a.py": 1}', '{"a.py": [1]}'):
        listed.write_text(text)
        with pytest.raises(StateCorrupted, match="synced files"):
            sync_of(tmp_path, bucket).run()
    listed.unlink()
    former = marks(dags)
    sync_of(tmp_path, bucket).run()
    assert marks(dags) == former
    bucket.objects.clear()
    sync_of(tmp_path, bucket).run()
    assert held(dags) == {}
