"""What `mwaa-local status` says of the API, and of environments that the API made."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mwaa_local.api.address import Address, ApiFolder, Asked
from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Record
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.status import Look, Looks
from mwaa_local.cli.down import _say_what_the_api_made
from mwaa_local.cli.service_status import Service, in_short, service_of
from mwaa_local.cli.session import Session
from mwaa_local.cli.status import _show_nothing
from mwaa_local.console import standard
from mwaa_local.database.metadata import UNMAPPED, TaskRow
from mwaa_local.masking import Mask
from mwaa_local.project import STATE_DIR, Project
from mwaa_local.remarks import NOTE, WARNING, Remark, save_remarks
from mwaa_local.smoke.tasklogs import LOG_LINES, told_log
from mwaa_local.sync.of_environment import BucketOpen, EnvironmentSync, tell_failure
from mwaa_local.sync.state import Source
from mwaa_local.sync.syncing import DagsSync
from tests.unit.sync.buckets import MemoryBucket

ADDRESS = Address(1, 4567, True, Asked("/x"))
GONE = "MWAA's API is not running"


def service(tmp_path: Path, address: Address | None, *, is_running: bool = True) -> Service:
    """Return what is known of a project whose API made one environment."""
    registry = Registry.of_project(Project(tmp_path), {})
    made = Project(registry.folder / "demo")
    made.root_dir.mkdir(parents=True)
    made.make_state_dir()
    records.save(made, Record("demo", records.BY_API, time.time(), {}, settled="AVAILABLE"))
    environments = registry.all()
    registry.looks.know(made, Look(time.monotonic(), is_running, is_running))
    return Service(environments, (), address, "mwaa-local api --detach")


def test_api_that_is_gone_is_told_with_how_it_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service(tmp_path, None).show(standard({}))
    said = capsys.readouterr()
    assert f"{GONE}: boto3 and `aws mwaa` get no answer\n\nhint: mwaa-local api --detach\n" in said.err


@pytest.mark.parametrize(("address", "is_running"), [(ADDRESS, True), (None, False)])
def test_api_that_runs_or_has_nothing_to_do_is_no_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: Address | None, is_running: bool
) -> None:
    known = service(tmp_path, address, is_running=is_running)
    known.show(standard({}))
    assert GONE not in capsys.readouterr().err
    assert known.to_json()["api"] == (address.url if address else None)


def test_environments_of_the_api_are_not_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _show_nothing(standard({}), service(tmp_path, ADDRESS), was_cut_off=False)
    said = capsys.readouterr().err
    assert "the project's own environment is not running; the API made others that are" in said
    assert "nothing is running" not in said


def test_last_sync_that_changed_something_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = service(tmp_path, None, is_running=False)
    project, bucket = told.environments[0].project, MemoryBucket({"a.py": b"1", "b.py": b"2"})
    assert told.to_json()["environments"][0]["last_sync"] is None
    sync = EnvironmentSync(project, Source("source", "dags"), "http://127.0.0.1:1")
    sync._sync = DagsSync(project, Source("source", "dags"), bucket)

    def shown() -> str:
        sync.run()
        told.show(standard({}))
        return capsys.readouterr().out

    assert "ago: 2 files written, 0 deleted" in shown()
    del bucket.objects["b.py"]
    assert "ago: 0 files written, 1 deleted" in shown()
    assert "ago: 0 files written, 1 deleted" in shown(), "a sync that changed nothing is not one"
    kept = told.to_json()["environments"][0]["last_sync"]
    assert (kept["written"], kept["deleted"]) == (0, 1)


def test_bucket_that_is_not_synced_is_told_by_its_api_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = service(tmp_path, ADDRESS)
    what, hint = "s3://source is open to the public", "aws s3api put-public-access-block --bucket source"
    tell_failure(told.environments[0].project, BucketOpen(what, "Its public access is not blocked.", hint))
    told.show(standard({}))
    said = capsys.readouterr().out
    assert f"  warning: DAGs are not synced: {what}\n" in said
    assert f"hint: {hint}" in said


def test_failure_is_told_however_much_its_rollback_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = service(tmp_path, ADDRESS)
    made = known.environments[0].project
    record = records.load(made)
    assert record is not None
    record = record.with_event("update failed: it ended", "ValueError: 'many'", "correct it", is_failure=True)
    for what in ("rolling back", "requirements", "rolled back"):
        record = record.with_event(what, "", "")
    error = {"ErrorCode": "INTERNAL_FAILURE", "ErrorMessage": "it ended"}
    records.save(made, replace(record, last_update={"Status": "FAILED", "Error": error}))
    Service(Registry.of_project(Project(tmp_path), {}).all(), (), ADDRESS).show(standard({}))
    shown = capsys.readouterr().out
    assert "update failed: it ended\n    ValueError: 'many'\n    hint: correct it\n" in shown
    assert shown.index("ValueError") < shown.index("rolled back")


def test_options_that_mwaa_forces_are_told_as_of_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = service(tmp_path, ADDRESS)
    made = known.environments[0].project
    made.run_dir.mkdir()
    forced = Remark(WARNING, "options", "A = b has no effect", "MWAA forces it.", "mwaa-local options --explain A")
    save_remarks(made.run_dir, [forced, Remark(NOTE, "paths", "a note")])
    known.show(standard({}))
    shown = capsys.readouterr().out
    hint = f"mwaa-local options --explain A --project {made.root_dir}"
    assert f"  warning: A = b has no effect\n    MWAA forces it.\n    hint: {hint}\n" in shown
    assert "a note" not in shown
    assert known.to_json()["environments"][0]["remarks"][0] == {**asdict(forced), "hint": hint}


def test_environment_of_the_api_is_served_by_that_api(tmp_path: Path) -> None:
    made = service(tmp_path, None).environments[0].project
    folder = ApiFolder.of(tmp_path / STATE_DIR)
    alone = service_of(Session(made, {}, standard({})), None)
    assert (alone.address, alone.starts_with) == (None, f"mwaa-local api {tmp_path} --detach")
    lock = folder.take()
    assert lock is not None
    try:
        folder.write(ADDRESS)
        assert service_of(Session(made, {}, standard({})), None).address == ADDRESS
    finally:
        os.close(lock)


@pytest.mark.parametrize(
    ("with_data", "hint"),
    [
        (False, "mwaa-local down --project {root} stops it; mwaa-local aws mwaa delete-environment --name demo"),
        (True, "mwaa-local down --volumes --project {root} stops it; after an `up` here, mwaa-local aws mwaa delete"),
    ],
)
def test_what_goes_on_after_down_is_named_with_what_works_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, with_data: bool, hint: str
) -> None:
    made = service(tmp_path, None).environments[0].project
    monkeypatch.setattr(Looks, "look", lambda *_: Look(time.monotonic(), is_running=True))
    _say_what_the_api_made(Session(Project(tmp_path), {}, standard({})), with_data=with_data)
    assert hint.format(root=made.root_dir) in capsys.readouterr().err


@pytest.mark.parametrize("why", ["", "one line", "one\n\nand another\n  | of a log"])
def test_reason_without_lines_that_follow_one_another_in_a_log_stays(why: str) -> None:
    assert in_short(why) == why


def test_of_a_log_that_a_failure_quotes_the_history_has_the_last_line_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(tmp_path)
    path = project.airflow_home_dir / "logs" / "dag_id=bad" / "run_id=r" / "task_id=t" / "attempt=1.log"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"line {number}\n" for number in range(30)))
    row = TaskRow("bad", "r", "t", UNMAPPED, "failed", 1, 1, 0.1, "", "", "", "")
    log = told_log(project, row, "", Mask())
    found = service(tmp_path, ADDRESS)
    why = f"Its tasks: t failed.\n{log}\nAirflow 2.10.3 is back."
    [made] = found.environments
    made.record = made.record.with_event("`mwaa-local upgrade` failed", why, is_failure=True)
    found.show(standard({}))
    shown = capsys.readouterr().out
    assert shown.count("line ") == 1
    for line in ("Its tasks: t failed.", "Log of t: .mwaa-local/", "  | line 29", "Airflow 2.10.3 is back."):
        assert line in shown
    assert log.count("line ") == LOG_LINES, "the failure itself has them all"
