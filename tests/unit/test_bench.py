"""What `make bench` makes of figures and health pages; that it measures, a run of it shows."""

from __future__ import annotations

import json
import socket
import sqlite3
from pathlib import Path

import pytest

from mwaa_local.project import Project
from mwaa_local.release import Release
from tools.bench.__main__ import main, parse
from tools.bench.commands import BenchError, run
from tools.bench.databases import RunTimes, SqliteDatabase, epoch, run_times
from tools.bench.health import unhealthy
from tools.bench.measuring import forced_note
from tools.bench.report import as_plain, as_table, others_text, verdict
from tools.bench.rows import OURS, ROWS, STANDALONE, Measurement
from tools.bench.sample import HUNDRED_TEXT, NEW_DAG_TEXT, copy_sample
from tools.bench.subjects import check_port

UP = next(row for row in ROWS if row.name == "up")
NOW = 1_800_000_000.0
BEAT = "2027-01-15T08:00:00+00:00"  # the same moment


def page(**statuses: str) -> dict[str, dict[str, str]]:
    return {name: {"status": status, f"latest_{name}_heartbeat": BEAT} for name, status in statuses.items()}


def test_health_page_with_heartbeats_since_the_launch_is_healthy() -> None:
    assert unhealthy(page(metadatabase="healthy", scheduler="healthy"), ["metadatabase", "scheduler"], NOW) == ""


def test_heartbeat_of_a_previous_run_does_not_count() -> None:
    assert unhealthy(page(scheduler="healthy"), ["scheduler"], NOW + 1) == "scheduler"


def test_component_without_a_heartbeat_yet_is_not_healthy() -> None:
    answer = {"triggerer": {"status": None, "latest_triggerer_heartbeat": None}}
    assert unhealthy(answer, ["triggerer"], NOW) == "triggerer"


def test_part_that_an_old_health_page_does_not_have_is_passed_over() -> None:
    assert unhealthy(page(scheduler="healthy"), ["scheduler", "triggerer"], NOW) == ""


def test_time_without_a_zone_is_utc() -> None:
    assert epoch("2027-01-15 08:00:00.000000") == NOW == epoch(BEAT)


def test_target_is_missed_when_standalone_is_faster() -> None:
    assert verdict(UP, Measurement((7.0,)), Measurement((6.0,))) == "no"
    assert verdict(UP, Measurement((7.0,)), Measurement((9.0,))) == "yes"


def test_failed_row_is_neither_met_nor_missed() -> None:
    assert verdict(UP, Measurement(failure="no answer"), None) == "-"


def test_table_shows_both_sides_and_only_rows_that_were_measured() -> None:
    results = {("up", OURS): Measurement((9.0, 7.0, 8.0)), ("up", STANDALONE): Measurement(failure="it ended")}
    header, line = as_table(results).splitlines()
    assert "target" in header
    assert "8.00 s" in line and "failed" in line


def test_json_holds_every_sample() -> None:
    plain = json.loads(json.dumps(as_plain({"cpu": "x"}, {("up", OURS): Measurement((2.0, 1.0, 4.0))})))
    assert plain["rows"][0][OURS] == {"value": 2.0, "samples": [2.0, 1.0, 4.0], "note": "", "failure": ""}


def test_busy_machine_is_said() -> None:
    assert "NOT A QUIET MACHINE" in others_text([2.0, 95.0])
    assert "NOT" not in others_text([2.0, 3.0])


def test_stop_of_standalone_that_was_forced_is_said() -> None:
    assert forced_note([2.0, 30.1, 3.0]) == "standalone: 1 of 3 stops had to be killed after 30 s"
    assert forced_note([2.0]) == ""


def test_port_of_a_stranger_is_refused() -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        with pytest.raises(BenchError, match="is in use"):
            check_port(stranger.getsockname()[1])


def test_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--only", "up,upp"])
    assert ended.value.code == 2
    assert "no row upp; rows are: up, " in capsys.readouterr().err


def test_unknown_release_is_an_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--release", "9.9.9"]) == 3
    assert "no Airflow version '9.9.9'" in capsys.readouterr().err


def test_sample_is_copied_with_the_release_asked_for(tmp_path: Path) -> None:
    copy_sample(tmp_path, Release.load("2.2.2"))
    assert 'AirflowVersion: "2.2.2"' in Project.find(tmp_path).environment_path.read_text().splitlines()
    assert (tmp_path / "dags" / "hello_mwaa.py").exists()


def test_dag_files_it_writes_are_python() -> None:
    compile(HUNDRED_TEXT, "hundred", "exec")
    compile(NEW_DAG_TEXT.replace("{dag_id}", "new"), "new", "exec")
    assert "{" not in NEW_DAG_TEXT.replace("{dag_id}", "").replace('{"schedule": None}', "").replace(
        '{"schedule_interval": None}', ""
    )


def test_command_that_fails_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"exit code 3\n  \| no such thing"):
        run(["/bin/sh", "-c", "echo no such thing; exit 3"], tmp_path, {})


def test_command_that_hangs_is_ended_and_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="took longer than 0 s"):
        run(["/bin/sh", "-c", "sleep 30"], tmp_path, {"PATH": "/usr/bin:/bin"}, timeout_s=0.2)


def test_missing_sqlite_file_is_asked_without_being_made(tmp_path: Path) -> None:
    path = tmp_path / "airflow.db"
    assert SqliteDatabase(path).query("SELECT 1 FROM dag WHERE dag_id = %s", "a") == []
    assert not path.exists()


def test_run_times_come_out_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE dag_run (dag_id, run_id, state, queued_at, end_date)")
        moments = ("2027-01-15 08:00:00", "2027-01-15 08:00:04.5")
        connection.execute("INSERT INTO dag_run VALUES ('a', 'r', 'success', ?, ?)", moments)
    assert run_times(SqliteDatabase(path), "a", "r") == RunTimes("success", NOW, NOW + 4.5)
    assert run_times(SqliteDatabase(path), "a", "other") is None
