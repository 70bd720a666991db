"""The database of an upgrade: that of the source is copied to the target's name, and the copy is migrated.

Each release has a database of its own in a project, so that of before is never written to. One that the target has
already, from earlier use, is put aside meanwhile, and comes back when the upgrade is undone. What is where is in the
journal before it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mwaa_local.environment.environment import Environment
from mwaa_local.errors import DatabaseMissing
from mwaa_local.event import Event
from mwaa_local.release import Release
from mwaa_local.runtime.databases import Databases
from mwaa_local.upgrade.carrying_out.journal import JOURNAL_NAME, Journal
from mwaa_local.upgrade.carrying_out.repairs import DEFERRED_PROGRAM, FAB_DOWNGRADE_ARGV, add_sequences, need_repairs
from mwaa_local.wanted import Wanted

# What has become of the target's database, for the journal.
UNTOUCHED, PUTTING_ASIDE, OURS = "", "being put aside", "made by the upgrade"
Save = Callable[[Journal], Journal]


@dataclass(frozen=True)
class TargetDatabase:
    """The database with the target's name, in the runtime that has it: made, and as it was before."""

    databases: Databases
    save: Save

    def copy(self, journal: Journal) -> Journal:
        """Put aside what the target has, and copy the source's database, if there is one, to its name."""
        source, target = journal.source, journal.target
        known = self.databases.versions()
        if target in known:
            journal = self.save(replace(journal, target_database=PUTTING_ASIDE, aside=aside_name(journal)))
            self.databases.copy(target, journal.aside)
        journal = self.save(replace(journal, target_database=OURS))
        self.databases.remove(target)
        if source in known:
            self.databases.copy(source, target)
        return journal

    def undo(self, journal: Journal) -> Journal:
        """Have the target's database as it was before. May be interrupted and begun again at any point."""
        target, aside = journal.target, journal.aside
        if journal.target_database == OURS:
            if aside and aside not in self.databases.versions():
                raise _aside_missing(journal)
            self.databases.remove(target)
            if aside:
                self.databases.copy(aside, target)
            # On the disk before the aside goes, also where that was full until now: from here it is not needed.
            journal = self.save(replace(journal, target_database=PUTTING_ASIDE if aside else UNTOUCHED))
        if journal.target_database == PUTTING_ASIDE:
            self.databases.remove(aside)
            journal = self.save(replace(journal, target_database=UNTOUCHED, aside=""))
        return journal

    def forget_aside(self, journal: Journal) -> None:
        """The upgrade has succeeded: what was put aside is in a snapshot."""
        if journal.aside:
            self.databases.remove(journal.aside)


@dataclass(frozen=True)
class DatabaseMove(TargetDatabase):
    """The database of one upgrade. `wanted` is of the target's release."""

    wanted: Wanted
    source: Release
    on_event: Callable[[Event], None]

    def prepare(self) -> None:
        """Have what the commands of the releases need, whose migrations it takes, before anything is changed."""
        self.databases.prepare(self.wanted, self.on_event)
        if self.source.is_newer_than(self.wanted.release):
            self.databases.prepare(self._newer, self.on_event)

    @property
    def _newer(self) -> Wanted:
        """The release of before, where that is the newer one: it alone knows the way to an older schema."""
        environment = _with_version(self.wanted.environment, self.source)
        return replace(self.wanted, environment=environment, release=self.source)

    def migrate(self, journal: Journal) -> None:
        """Bring the copy to the schema of the target: by the newer of the two releases, as Airflow asks for it."""
        target = self.wanted.release
        if journal.target not in self.databases.versions():
            return  # there was none to copy; the start makes one
        if self.source.is_newer_than(target):
            self._downgrade(journal.target)
        # Also after a downgrade: it adds what the release expects beside its schema, and is held to its revision.
        commands = [target.migrate_argv, *([target.users_argv] if target.users_argv else [])]
        self.databases.run(self.wanted, journal.target, commands, self.on_event)

    def _downgrade(self, name: str) -> None:
        source, target = self.source, self.wanted.release
        newer = self._newer
        repaired = need_repairs(source, target)
        if repaired:
            self.databases.run(newer, name, [()], self.on_event, script=DEFERRED_PROGRAM)
        if source.database_revision != target.database_revision:
            words = ("db", "downgrade", "--to-revision", target.database_revision, "--yes")
            self.databases.run(newer, name, [words], self.on_event)
        if repaired:
            self.databases.run(newer, name, [FAB_DOWNGRADE_ARGV], self.on_event)
            with self.databases.opened(name) as url:
                add_sequences(url)


def aside_name(journal: Journal) -> str:
    """Return a name that no environment's database has."""
    return f"{journal.target}-aside{int(journal.began)}"


def _with_version(environment: Environment, release: Release) -> Environment:
    return environment.model_copy(update={"airflow_version": release.airflow_version})


def _aside_missing(journal: Journal) -> DatabaseMissing:
    return DatabaseMissing(
        f"the database of Airflow {journal.target} from before the upgrade is not there any more",
        f"It was put aside as {journal.aside}, and something else has removed it.",
        f"its rows are in the snapshot {journal.target_snapshot}: remove .mwaa-local/{JOURNAL_NAME}, set "
        f"AirflowVersion to {journal.target}, then `mwaa-local db restore {journal.target_snapshot}`",
    )
