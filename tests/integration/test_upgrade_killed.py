"""An upgrade whose process is killed: the next command undoes or finishes it, and the data of before are all there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.workspace import Workspace
from tests.environments import stopped_at_the_end
from tests.integration.history import History, history_files
from tests.integration.kept_project import TIMEOUT_S, Kept
from tests.integration.killed_upgrade import IN_SNAPSHOT

pytestmark = [pytest.mark.network, pytest.mark.full]
BEFORE, AFTER = "2.7.2", "2.10.3"
# A step whose beginning is on the disk, or a sign that comes in the middle of one.
UNDONE = {
    "stopping": journal.STOPPING,
    "snapshot": journal.SNAPSHOT,
    "in the middle of the snapshot": IN_SNAPSHOT,
    "copying": journal.COPYING,
    "migrating": journal.MIGRATING,
    "in the middle of the migration": "Running upgrade",
    "switching": journal.SWITCHING,
    "starting": journal.STARTING,
    "in the middle of the start": "postgres ready",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with stopped_at_the_end(tmp_path_factory.mktemp("killed")) as runner:
        runner.write(history_files(BEFORE))
        outcome = runner.run("up", "--port", "0", "--run", "history", timeout_s=TIMEOUT_S)
        assert outcome.exit_code == 0, outcome.stderr
        assert runner.run("down").exit_code == 0
        yield Kept(runner, AFTER)


@pytest.mark.parametrize("when", UNDONE.values(), ids=UNDONE.keys())
def test_next_command_undoes_what_was_killed(kept: Kept, when: str, tmp_path: Path) -> None:
    file, rows, databases = kept.project.environment_path.read_bytes(), kept.dump(BEFORE, tmp_path), kept.databases
    versions = databases.versions()
    kept.kill_upgrade(when)
    assert journal.journal_path(kept.project).exists()

    outcome = kept.runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert f"an upgrade to Airflow {AFTER} was cut off while" in outcome.stderr
    assert f"undone, this is Airflow {BEFORE} again" in outcome.stderr
    assert "ROLLING_BACK → UPDATE_FAILED" in outcome.stderr
    assert not list(kept.project.database_dir.glob("*/postmaster.pid")), "no server runs"
    assert not journal.journal_path(kept.project).exists()
    assert kept.project.environment_path.read_bytes() == file
    assert kept.databases.versions() == versions
    assert kept.dump(BEFORE, tmp_path) == rows
    assert "nothing is running here" in kept.runner.run("down").stderr


def test_database_that_the_target_had_comes_back(kept: Kept, tmp_path: Path) -> None:
    with Workspace(kept.project, dict(kept.runner.env)).exclusive():
        kept.databases.copy(BEFORE, AFTER)  # from earlier use; of which release is all the same here
    kept.execute(AFTER, "CREATE TABLE of_before (word text); INSERT INTO of_before VALUES ('kept')")
    kept.kill_upgrade("Running upgrade")
    assert kept.runner.run("down").exit_code == 0
    assert kept.execute(AFTER, "SELECT word FROM of_before") == [("kept",)]
    assert kept.databases.versions() == (BEFORE, AFTER)
    with Workspace(kept.project, dict(kept.runner.env)).exclusive():
        kept.databases.remove(AFTER)


def test_rollback_that_is_killed_goes_on(kept: Kept, tmp_path: Path) -> None:
    """A table of the name that the migration makes, as a migration that was broken off leaves one, stops it."""
    kept.execute(BEFORE, "CREATE TABLE dataset_alias (id integer)")
    rows = kept.dump(BEFORE, tmp_path)
    try:
        told = kept.kill_upgrade(journal.ROLLING_BACK)
        assert journal.SWITCHING not in told
        outcome = kept.runner.run("upgrade", "--to", AFTER, "--yes", "--no-rehearsal")
        assert outcome.exit_code == 3, outcome.stderr
        assert f"was cut off while {journal.MIGRATING}: undone" in outcome.stderr  # the one of before
        assert f"failed while {journal.MIGRATING}" in outcome.stderr  # and this one
        assert "dataset_alias" in outcome.stderr, "the database's own words"
        assert "status: UPDATING → CREATING_SNAPSHOT → UPDATING → ROLLING_BACK → UPDATE_FAILED" in outcome.stderr
        assert kept.databases.versions() == (BEFORE,)
        assert kept.dump(BEFORE, tmp_path) == rows
    finally:
        kept.execute(BEFORE, "DROP TABLE dataset_alias")


def test_what_was_healthy_is_finished_by_the_next_up(kept: Kept) -> None:
    kept.kill_upgrade(journal.RUNNING)
    outcome = kept.runner.run("up", "--port", "0", timeout_s=TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    assert f"was cut off while {journal.RUNNING}: finished" in outcome.stderr
    assert "history succeeded" in outcome.stderr, "the DAG that was named"
    assert f'AirflowVersion: "{AFTER}"' in kept.project.environment_path.read_text()
    history = History(kept.runner)
    assert list(history.runs().values()) == ["success", "success"]
    assert not journal.journal_path(kept.project).exists()
