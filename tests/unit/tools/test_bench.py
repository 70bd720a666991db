"""What `make bench` makes of figures and health pages; that it measures, a run of it shows."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.image import DOCKER_DIR
from tools.bench.__main__ import main, parse
from tools.bench.commands import BenchError, run
from tools.bench.databases import RunTimes, SqliteDatabase, epoch, run_times
from tools.bench.figures import SAMPLES, Figures
from tools.bench.health import unhealthy
from tools.bench.images import emptying, variable, with_own_caches
from tools.bench.report import as_plain, as_table, others_text, verdict
from tools.bench.requirements_change import ADDED_LINES, pip_times, with_line
from tools.bench.rows import ALL, DOCKER, PROCESSES, ROWS, STANDALONE, Measurement, Results, rows_of
from tools.bench.sample import HUNDRED_TEXT, NEW_DAG_TEXT, copy_sample
from tools.bench.standalone import check_port, forced_note
from tools.bench.subjects import measuring_env

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


def seconds(**values: float) -> Results:
    return {("up", side): Measurement((value,)) for side, value in values.items()}


def test_target_is_missed_when_standalone_is_faster() -> None:
    assert verdict(UP, PROCESSES, seconds(processes=7, standalone=6)) == "no"
    assert verdict(UP, PROCESSES, seconds(processes=7, standalone=9)) == "yes"


def test_each_side_has_its_own_target() -> None:
    results = seconds(processes=15, docker=15, standalone=9)
    assert verdict(UP, PROCESSES, results) == "no"
    assert verdict(UP, DOCKER, results) == "yes"
    assert verdict(UP, DOCKER, seconds(docker=20.1)) == "no"


def test_failed_row_is_neither_met_nor_missed() -> None:
    assert verdict(UP, PROCESSES, {("up", PROCESSES): Measurement(failure="no answer")}) == "-"


def test_table_shows_the_sides_and_only_rows_that_were_measured() -> None:
    results = {
        ("up", PROCESSES): Measurement((9.0, 7.0, 8.0)),
        ("up", DOCKER): Measurement((21.0,), "docker: slow"),
        ("up", STANDALONE): Measurement(failure="it ended"),
    }
    header, line = as_table(results).splitlines()
    assert header.split("  ")[-1] == "note"
    assert re.split("  +", line) == [
        "warm `up` until all are healthy",
        "8.00 s",
        "≤ 8 s and ≤ standalone",
        "yes",
        "21.00 s",
        "≤ 20 s",
        "no",
        "failed",
        "docker: slow",
    ]


def test_side_that_was_not_measured_has_no_column() -> None:
    header = as_table({("up", PROCESSES): Measurement((9.0,))}).splitlines()[0]
    assert "processes" in header
    assert "Docker" not in header and "standalone" not in header
    assert as_table({}) == "nothing was measured"


def test_json_holds_every_sample() -> None:
    plain = json.loads(json.dumps(as_plain({"cpu": "x"}, {("up", DOCKER): Measurement((2.0, 1.0, 4.0))})))
    assert plain["rows"][0][DOCKER] == {"value": 2.0, "samples": [2.0, 1.0, 4.0], "note": "", "failure": ""}
    assert plain["rows"][0]["targets"] == {PROCESSES: 8, DOCKER: 20}


def test_rows_are_measured_only_on_sides_that_have_them() -> None:
    wanted = {"image", "cold-up", "up"}
    assert {side: rows_of(side, wanted) for side in ALL} == {
        PROCESSES: {"cold-up", "up"},
        DOCKER: {"image", "up"},
        STANDALONE: {"up"},
    }


def test_row_that_fails_lets_others_go_on() -> None:
    figures = Figures(frozenset({"status", "up"}), quick=True)

    def fail(_: int) -> float:
        raise BenchError("it ended")

    figures.repeat("status", DOCKER, fail)
    figures.repeat("status", STANDALONE, fail)  # has no such row
    figures.repeat("help", PROCESSES, fail)  # is not wanted
    figures.repeat("up", DOCKER, lambda number: 5.0 + number)
    assert figures.results == {
        ("status", DOCKER): Measurement(failure="it ended"),
        ("up", DOCKER): Measurement((5.0,)),
    }
    figures.fail_rest({"up", "down"}, DOCKER, BenchError("gone"))
    assert figures.results["up", DOCKER].samples and figures.results["down", DOCKER].failure == "gone"


def test_cold_build_shares_no_cache_mount_with_other_builds() -> None:
    own = with_own_caches((DOCKER_DIR / "Dockerfile").read_text(), "abc")
    mounts = [word for word in own.split() if word.startswith("--mount=type=cache")]
    assert mounts and set(mounts) == {"--mount=type=cache,id=abc/root/.cache/uv,target=/root/.cache/uv"}
    assert emptying(own, "debian") == f"FROM debian\nRUN {mounts[0]} find /root/.cache/uv -mindepth 1 -delete\n"


def test_cache_mount_that_would_be_found_full_is_refused() -> None:
    with pytest.raises(BenchError, match="would not be cold"):
        with_own_caches("RUN --mount=type=cache,target=/a true\nRUN --mount=id=x,type=cache,target=/b true\n", "abc")


def test_value_of_compose_is_found_by_its_whole_name() -> None:
    text = 'MWAA_BASE_IMAGE="python:3.12"\nMWAA_IMAGE="mwaa-local/airflow:3.3.1-abc"\n'
    assert variable(text, "MWAA_IMAGE") == "mwaa-local/airflow:3.3.1-abc"
    with pytest.raises(BenchError, match="IMAGE is not among"):
        variable(text, "IMAGE")


def test_every_sample_of_a_requirements_change_adds_another_package() -> None:
    assert len({line.partition("==")[0] for line in ADDED_LINES}) == len(ADDED_LINES) >= SAMPLES
    assert with_line("# none\na==1\n\n", "b==2") == "# none\na==1\nb==2\n"
    assert with_line("", "b==2") == "b==2\n"


def test_time_of_pip_is_that_of_an_install_since_the_change(tmp_path: Path) -> None:
    path = tmp_path / "pip.json"
    with pytest.raises(BenchError, match="did not make pip install"):
        pip_times(path, NOW)
    path.write_text('{"exit_code": 0, "timed_out": false, "elapsed_s": 2.5}')
    os.utime(path, (NOW + 4, NOW + 4))
    assert pip_times(path, NOW) == (2.5, NOW + 4)
    with pytest.raises(BenchError, match="did not make pip install"):
        pip_times(path, NOW + 5)
    path.write_text('{"exit_code": 1, "timed_out": false, "elapsed_s": 2.5}')
    os.utime(path, (NOW + 4, NOW + 4))
    with pytest.raises(BenchError, match="pip ended with exit code 1"):
        pip_times(path, NOW)


def test_measured_environment_keeps_places_and_drops_settings() -> None:
    env = {"MWAA_LOCAL_RUNTIME": "docker", "MWAA_LOCAL_CACHE_DIR": "/c", "COMPOSE_FILE": "x", "DOCKER_HOST": "tcp://h"}
    assert measuring_env(env).keys() == {"MWAA_LOCAL_CACHE_DIR", "DOCKER_HOST", "PYTHONPATH"}


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


def test_sides_can_be_left_out() -> None:
    arguments = parse(["--skip-docker", "--skip-standalone"])
    assert (arguments.skip_processes, arguments.skip_docker, arguments.skip_standalone) == (False, True, True)


def test_unknown_release_is_an_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["--release", "9.9.9"]) == 3
    assert signal.getsignal(signal.SIGTERM) is before
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
