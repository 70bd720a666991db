"""Killed at any point of the move, and at any point of the way back, no database of before is lost or changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.event import Event
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.upgrade.carrying_out.database_move import DatabaseMove
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.carrying_out.repairs import DEFERRED_PROGRAM, need_repairs
from mwaa_local.wanted import Wanted

SOURCE, TARGET = "2.10.3", "2.11.2"
MOST_POINTS = 30  # more than there are


class Killed(BaseException):
    """Nothing is done any more."""


@dataclass
class DiesAt:
    """Counts what is done, and dies before or after one of it: -1 for never."""

    point: int = -1
    count: int = 0

    def __call__(self, do: Callable[[], None]) -> None:
        if self.count == self.point:
            raise Killed
        self.count += 1
        do()
        if self.count == self.point:
            raise Killed


@dataclass
class FakeDatabases:
    """Databases that are texts; what is done to one is seen in it."""

    kept: dict[str, str]
    mortal: DiesAt = field(default_factory=DiesAt)
    ran: list[tuple[str, tuple[str, ...], Path | None]] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)  # releases
    tidied: int = 0

    def versions(self) -> tuple[str, ...]:
        return tuple(self.kept)

    @contextlib.contextmanager
    def opened(self, version: str) -> Iterator[str]:
        yield f"postgresql://nobody/{version}"

    def tidy(self) -> None:
        self.tidied += 1

    def create(self, wanted: Wanted, version: str, on_event: Callable[[Event], None]) -> None:
        raise AssertionError("an upgrade makes no empty database")

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        self.prepared.append(wanted.release.airflow_version)

    def copy(self, version: str, to_version: str) -> None:
        assert to_version not in self.kept, "nothing is written over one that is there"
        self.mortal(lambda: self.kept.__setitem__(to_version, self.kept[version]))

    def run(
        self,
        wanted: Wanted,
        version: str,
        commands: Sequence[Sequence[str]],
        on_event: Callable[[Event], None],
        script: Path | None = None,
    ) -> None:
        for words in commands:
            self.ran.append((wanted.release.airflow_version, tuple(words), script))
            self.mortal(lambda: self.kept.__setitem__(version, f"{self.kept[version]} migrated"))

    def remove(self, version: str) -> None:
        def do() -> None:
            self.kept.pop(version, None)

        self.mortal(do)


@dataclass
class Disk:
    """Where the journal is."""

    journal: Journal
    mortal: DiesAt = field(default_factory=DiesAt)

    def save(self, at: Journal) -> Journal:
        self.mortal(lambda: setattr(self, "journal", at))
        return at


def begun(source: str = SOURCE, target: str = TARGET) -> Journal:
    return Journal(source, target, "process", 1_000_000.0, None, journal.encoded(b""), False).at(journal.COPYING)


def move(databases: FakeDatabases, disk: Disk, source: str = SOURCE, target: str = TARGET) -> DatabaseMove:
    release = Release.load(target)
    environment = Environment.from_members({"Name": "a", "AirflowVersion": target})
    wanted = Wanted(Project(Path("/nowhere")), environment, release, {}, Path("/nowhere"))
    return DatabaseMove(databases, disk.save, wanted, Release.load(source), lambda _event: None)


@pytest.mark.parametrize(
    "before", [{SOURCE: "history"}, {SOURCE: "history", TARGET: "earlier use"}, {TARGET: "earlier"}, {}]
)
def test_whatever_the_point_at_which_it_is_killed_all_comes_back(before: dict[str, str]) -> None:
    for first in range(MOST_POINTS):
        for second in range(-1, MOST_POINTS):
            databases, disk = FakeDatabases(dict(before)), Disk(begun())
            databases.mortal = disk.mortal = DiesAt(first)
            with contextlib.suppress(Killed):
                doing = move(databases, disk)
                doing.migrate(doing.copy(disk.journal))
            databases.mortal = disk.mortal = DiesAt(second)
            with contextlib.suppress(Killed):
                move(databases, disk).undo(disk.journal)
            databases.mortal = disk.mortal = DiesAt()
            move(databases, disk).undo(disk.journal)
            assert databases.kept == before, (first, second)


def test_success_leaves_the_database_of_before_and_the_migrated_copy() -> None:
    databases, disk = FakeDatabases({SOURCE: "history", TARGET: "earlier use"}), Disk(begun())
    doing = move(databases, disk)
    done = doing.copy(disk.journal)
    doing.migrate(done)
    doing.forget_aside(done)
    assert databases.kept.keys() == {SOURCE, TARGET}
    assert databases.kept[SOURCE] == "history"
    assert databases.kept[TARGET].startswith("history migrated")


def commands(source: str, target: str) -> list[tuple[str, tuple[str, ...], Any]]:
    databases, disk = FakeDatabases({source: "history"}), Disk(begun(source, target))
    doing = move(databases, disk, source, target)
    doing.migrate(doing.copy(disk.journal))
    return databases.ran


def test_upgrade_is_done_by_the_target() -> None:
    assert {by for by, _, _ in commands("2.10.3", "2.11.2")} == {"2.11.2"}


def test_downgrade_is_done_by_the_newer_release_and_held_to_the_schema_of_the_older() -> None:
    first, *then = commands("3.0.6", "2.11.2")
    revision = Release.load("2.11.2").database_revision
    assert first == ("3.0.6", ("db", "downgrade", "--to-revision", revision, "--yes"), None)
    assert then[0] == ("2.11.2", Release.load("2.11.2").migrate_argv, None)


def test_nothing_is_downgraded_where_both_have_one_schema() -> None:
    """Airflow's own `db downgrade --to-version 2.11.0` ends with an error there."""
    assert [by for by, _, _ in commands("2.11.2", "2.11.0")] == ["2.11.0", "2.11.0"]


def test_arguments_of_deferred_tasks_are_rewritten_before_the_schema_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    repaired: list[str] = []
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.database_move.add_sequences", repaired.append)
    ran = commands("3.3.1", "3.0.6")
    assert [(by, words[:2], script) for by, words, script in ran[:3]] == [
        ("3.3.1", (), DEFERRED_PROGRAM),
        ("3.3.1", ("db", "downgrade"), None),
        ("3.3.1", ("fab-db", "downgrade"), None),
    ]
    assert repaired == ["postgresql://nobody/3.0.6"]


@pytest.mark.parametrize(
    ("source", "target", "needed"),
    [("3.3.1", "3.0.6", True), ("3.2.1", "2.11.2", True), ("3.3.1", "3.2.1", False), ("3.0.6", "2.11.2", False)],
)
def test_repairs_are_for_what_leads_over_the_change(source: str, target: str, needed: bool) -> None:
    assert need_repairs(Release.load(source), Release.load(target)) is needed


@pytest.mark.parametrize(
    ("source", "target", "needed"), [(SOURCE, TARGET, [TARGET]), (TARGET, SOURCE, [SOURCE, TARGET])], ids=["up", "down"]
)
def test_releases_whose_migrations_it_takes_are_looked_for_first(source: str, target: str, needed: list[str]) -> None:
    """Down, the newer release knows the way, and the older one has the last word."""
    databases = FakeDatabases({source: "history"})
    move(databases, Disk(begun(source, target)), source, target).prepare()
    assert (databases.prepared, databases.ran) == (needed, [])
