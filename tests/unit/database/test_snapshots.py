"""Names and files of snapshots, and which way leads from one schema to another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mwaa_local.database.known_revisions import airflow_of
from mwaa_local.database.snapshots import FOLDER, SUFFIX, Snapshots, is_name
from mwaa_local.errors import AccessDenied, DumpInvalid, DumpRefused, FileMissing
from mwaa_local.files import PART_SUFFIX
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.restoring.ways import way_between, way_of_revision
from tests.ordinary_user import as_ordinary_user, reachable_folder


@pytest.mark.parametrize("word", ["before", "before-restore-2026-11-30-154500", "A_1", "3"])
def test_word_without_dot_and_slash_is_a_name(word: str) -> None:
    assert is_name(word)


@pytest.mark.parametrize("word", ["a.dump", "./before", "/a", "-", "", "-a", "a b", "ä", "a" * 101, "..", "a\n"])
def test_anything_else_is_a_file_and_no_name_to_take(word: str, tmp_path: Path) -> None:
    assert not is_name(word)
    with pytest.raises(DumpInvalid, match="cannot be called"):
        Snapshots(Project(tmp_path)).path(word)


def test_damaged_snapshot_is_listed_as_that_and_a_missing_one_names_the_others(tmp_path: Path) -> None:
    snapshots = Snapshots(Project(tmp_path))
    assert snapshots.all() == ()
    (tmp_path / ".mwaa-local" / FOLDER).mkdir(parents=True)
    (tmp_path / ".mwaa-local" / FOLDER / f"cut{SUFFIX}").write_bytes(b"\x1f\x8b")
    (tmp_path / ".mwaa-local" / FOLDER / f".{'0' * 32}{PART_SUFFIX}").write_bytes(b"")
    (tmp_path / ".mwaa-local" / FOLDER / f"folder{SUFFIX}").mkdir()
    (tmp_path / ".mwaa-local" / FOLDER / f"gone{SUFFIX}").symlink_to("nowhere")
    found = {item.name: (item.head, bool(item.problem)) for item in snapshots.all()}
    assert found == {"cut": (None, True), "folder": (None, True)}
    (tmp_path / ".mwaa-local" / FOLDER / f"folder{SUFFIX}").rmdir()
    with pytest.raises(FileMissing) as raised:
        snapshots.existing("none")
    assert raised.value.why == "This project has: cut."
    snapshots.forget("cut")
    assert snapshots.all() == ()


def test_name_after_the_time_is_never_taken(tmp_path: Path) -> None:
    snapshots, now = Snapshots(Project(tmp_path)), datetime(2026, 11, 30, 15, 45, tzinfo=UTC)
    first = snapshots.free_name("before-restore-", now)
    assert first == "before-restore-2026-11-30-154500"
    snapshots.folder.mkdir(parents=True)
    snapshots.path(first).touch()
    assert snapshots.free_name("before-restore-", now) == f"{first}-2"


def way(source: str, target: str) -> list[str]:
    return [release.airflow_version for release in way_between(Release.load(source), Release.load(target))]


def test_way_goes_as_on_mwaa_through_the_newest_release_before_a_border() -> None:
    assert way("2.10.3", "2.10.3") == []
    assert way("2.11.2", "2.10.3") == [], "they have the same schema"
    assert way("2.0.2", "2.10.3") == ["2.10.3"]
    assert way("2.7.2", "3.3.1") == ["2.11.2", "3.3.1"]
    assert way("2.11.0", "3.0.6") == ["2.11.2", "3.0.6"]
    assert way("2.11.2", "3.3.1") == ["3.3.1"]
    assert way("3.0.6", "3.3.1") == ["3.3.1"]


@pytest.mark.parametrize(("source", "target"), [("2.10.3", "2.10.1"), ("3.0.6", "2.11.2"), ("1.10.12", "2.0.2")])
def test_no_way_leads_back_or_out_of_airflow_1(source: str, target: str) -> None:
    with pytest.raises(DumpRefused) as raised:
        way_between(Release.load(source), Release.load(target))
    assert source in raised.value.what and target in raised.value.what and raised.value.hint


@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_revision_of_every_release_is_known_and_of_no_newer_version(release: Release) -> None:
    version = airflow_of(release.database_revision)
    assert version is not None and release.is_at_least(version)
    assert way_of_revision(release.database_revision, release) == (version, ())


@pytest.mark.parametrize(
    ("revision", "target", "version", "path"),
    [
        ("1949afb29106", "2.9.2", "2.9.0", ["2.9.2"]),  # of Airflow 2.9.0 and 2.9.1
        ("cc92b33c6709", "3.3.1", "3.1.0", ["3.3.1"]),
        ("d75389605139", "2.10.3", "2.9.0", ["2.10.3"]),  # between two releases
        ("405de8318b3a", "3.2.1", "2.7.0", ["2.11.2", "3.2.1"]),
    ],
)
def test_other_airflows_come_in_by_their_revision(revision: str, target: str, version: str, path: list[str]) -> None:
    found, way = way_of_revision(revision, Release.load(target))
    assert (found, [release.airflow_version for release in way]) == (version, path)


@pytest.mark.parametrize(
    ("revision", "target", "words"),
    [
        ("d2f4e1b3c5a7", "2.10.3", "cannot come into Airflow 2.10.3"),
        ("da3f683c3a5a", "2.10.3", "cannot come into Airflow 2.10.3"),
        ("ffffffffffff", "3.3.1", "its revision is ffffffffffff"),
        ("", "3.3.1", "its revision is none"),
    ],
)
def test_database_from_which_no_way_leads_is_refused(revision: str, target: str, words: str) -> None:
    with pytest.raises(DumpRefused, match=words):
        way_of_revision(revision, Release.load(target))


def test_snapshots_of_somebody_else_are_not_taken_for_none() -> None:
    with reachable_folder() as root_dir:
        folder = root_dir / ".mwaa-local" / FOLDER
        snapshots = Snapshots(Project(root_dir))
        assert snapshots.all() == ()
        folder.mkdir(parents=True)
        (folder / f"one{SUFFIX}").touch()
        folder.chmod(0)
        with as_ordinary_user(), pytest.raises(AccessDenied) as caught:
            snapshots.all()
        assert caught.value.what == f"not allowed to use {folder}"
        folder.chmod(0o700)
