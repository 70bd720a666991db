"""What the next command makes of a restore that was killed, by a real PostgreSQL; no Airflow is needed for it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mwaa_local.database.load import MARK
from mwaa_local.errors import DatabaseInUse, MwaaLocalError
from mwaa_local.restoring import record, settling
from mwaa_local.restoring.record import BESIDE, REPLACING, SCRATCH_PREFIX, Record, Recorder
from mwaa_local.workspace import Workspace
from tests.unit.restoring.projects import VERSION, ask, databases

OURS, ANOTHER = f"{MARK}11111111-1111-4111-8111-111111111111", f"{MARK}22222222-2222-4222-8222-222222222222"
LEFT = Record("airflow.dump", VERSION, "process", REPLACING)


def settled(workspace: Workspace, at: Record) -> str:
    workspace.project.make_state_dir()
    Recorder(workspace.project, at).note()
    empty = workspace.project.state_dir / f"{SCRATCH_PREFIX}abcdefgh"  # killed before there was anything in it
    empty.mkdir()
    said = settling.settle(workspace)
    assert not empty.exists()
    assert record.load(workspace.project) is None
    assert settling.settle(workspace) == ""
    return said


def test_new_database_without_rows_of_the_dump_goes_again(kept: Workspace) -> None:
    ask(kept, "CREATE TABLE job (id int)")
    assert "the database is as it was" in settled(kept, Record("a", VERSION, "process", REPLACING, is_new=True))
    assert databases(kept).versions() == ()


@pytest.mark.parametrize("step", [BESIDE, REPLACING])
def test_new_database_on_which_an_airflow_has_run_since_stays(kept: Workspace, step: str) -> None:
    """`docker compose up` by hand, or the API, has started it: no command of ours came first."""
    ask(kept, "CREATE TABLE job (id int)", "INSERT INTO job VALUES (1)")
    said = settled(kept, Record("a", VERSION, "process", step, is_new=True))
    assert said.endswith("nothing of it is in; the database that was made for it is used by now, and stays")
    assert databases(kept).versions() == (VERSION,)


def test_new_database_that_is_in_use_stays_and_is_not_removed_later() -> None:
    class InUse:
        def remove(self, version: str) -> None:
            raise DatabaseInUse(f"the environment runs on the database of Airflow {version}")

    at = Record("a", VERSION, "process", REPLACING, is_new=True)
    became = settling._without_new(cast(Any, InUse()), at, settling.OUT)
    assert became == settling.USED


def test_mark_in_the_database_says_that_all_is_in(kept: Workspace) -> None:
    ask(kept, f"COMMENT ON DATABASE airflow IS '{OURS}'")
    at = Record("a.dump", VERSION, "process", REPLACING, "before-restore-1", mark=OURS)
    assert settled(kept, at) == (
        f"a restore of a.dump into Airflow {VERSION} was cut off: all of it is in, and the environment is stopped: "
        "`mwaa-local up` starts it; `mwaa-local db restore before-restore-1` brings back what was there"
    )


@pytest.mark.parametrize("there", ["NULL", f"'{ANOTHER}'", "'a comment of somebody'"], ids=["none", "other", "foreign"])
def test_without_that_very_mark_the_database_is_as_it_was(kept: Workspace, there: str) -> None:
    """The server may have crashed: whatever it has counted since, nothing else has this mark."""
    ask(kept, f"COMMENT ON DATABASE airflow IS {there}")
    said = settled(kept, Record("a.dump", VERSION, "process", REPLACING, mark=OURS))
    assert said.endswith("the database is as it was, and the environment is stopped; run it again, or `mwaa-local up`")
    assert databases(kept).versions() == (VERSION,)


def test_what_postgresql_refuses_is_an_error_of_ours_that_claims_nothing(kept: Workspace) -> None:
    ask(kept, "CREATE VIEW job AS SELECT 1 AS id WHERE 1 / (random() * 0)::int = 1")
    Recorder(kept.project, Record("a", VERSION, "process", REPLACING, is_new=True)).note()
    with pytest.raises(MwaaLocalError, match="the database program refused it") as raised:
        settling.settle(kept)
    assert "as it was" not in raised.value.hint
    assert record.load(kept.project) is not None


def test_database_that_is_gone_is_not_said_to_be_as_it_was(workspace: Workspace) -> None:
    """`reset-db`, `down --volumes` or DeleteEnvironment took it meanwhile."""
    said = settled(workspace, Record("a", VERSION, "process", REPLACING, "before-restore-1", mark=OURS))
    assert said.endswith(
        f"the database of Airflow {VERSION} is not there any more; "
        "`mwaa-local db restore before-restore-1` brings back what was there"
    )


def test_where_the_environment_runs_it_is_not_said_to_be_stopped() -> None:
    """The restore was killed before it had stopped the environment, or somebody started that since."""
    for became in (settling.OUT, settling.IN):
        said = settling._line(LEFT, became, is_running=True)
        assert "the environment runs" in said and "stopped" not in said and "`mwaa-local up`" not in said


def test_record_goes_with_all_other_data(workspace: Workspace) -> None:
    workspace.project.make_state_dir()
    Recorder(workspace.project, LEFT).note()
    workspace.remove_data()
    assert record.load(workspace.project) is None
