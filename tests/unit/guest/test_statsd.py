"""The collector of metrics: what a real client sends to the running program, and what stands in its files then."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from statsd import StatsClient  # type: ignore[import-untyped]

from mwaa_local.guest.statsd import summing
from mwaa_local.guest.statsd.keeping import DAYS_KEPT, Files, day_name
from mwaa_local.guest.statsd.samples import Sample, samples
from mwaa_local.guest.statsd.server import Collector
from mwaa_local.guest.statsd.summing import GAUGE_KEPT_S, Collected
from mwaa_local.runtime.ports import free_port
from mwaa_local.services.metrics import PROGRAM_DIR, READY_PATH
from tests.environments import wait_until

NOON = 1_796_040_000.0  # the beginning of a minute
PREFIX = "airflow."


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def read(packet: bytes) -> list[Sample | None]:
    return list(samples(packet, PREFIX))


class Program:
    """The collector as the environment starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder / "metrics", free_port()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        values = {"listens": ["127.0.0.1", self.port], "folder": str(self.folder), "prefix": PREFIX}
        path = folder / "metrics.json"
        path.write_text(json.dumps(values))
        argv = [sys.executable, "-I", str(PROGRAM_DIR), str(path)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    @property
    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{READY_PATH}", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except OSError:
            return False

    def end(self) -> dict[str, Any]:
        """End it as an environment does; return what it knew then."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        now = json.loads((self.folder / "now.json").read_text())
        assert isinstance(now, dict)
        return now


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    running = Program(tmp_path)
    try:
        wait_until(lambda: running.is_ready, 10, "the collector listens")
        yield running
    finally:
        running.process.kill()
        running.process.wait(10)
        assert running.process.stdout is not None
        running.process.stdout.close()


def test_what_the_client_of_airflow_sends_stands_in_the_files(program: Program) -> None:
    client = StatsClient("127.0.0.1", program.port, "airflow", maxudpsize=512, ipv6=False)
    for _ in range(3):
        client.incr("scheduler_heartbeat")
    client.decr("dag_processing.processes", 2)
    client.gauge("executor.open_slots", 32)
    client.gauge("executor.open_slots", -5, delta=True)
    client.gauge("executor.running_tasks", -7)  # the client sends a zero before it
    client.timing("dag.a.b.duration", 1500)
    client.timing("dag.a.b.duration", 500.25)
    with client.pipeline() as several:
        several.incr("ti.finish.a.b.success")
        several.gauge("pool.open_slots.default_pool", 128)
    now = program.end()
    assert now["counters"] == {"dag_processing.processes": -2, "scheduler_heartbeat": 3, "ti.finish.a.b.success": 1}
    assert now["gauges"]["executor.open_slots"] == [2, 59, 27, 32, 27]
    assert now["gauges"]["executor.running_tasks"][-1] == -7
    assert now["gauges"]["pool.open_slots.default_pool"][-1] == 128
    assert now["timers"] == {"dag.a.b.duration": [2, 2000.25, 500.25, 1500, 500.25]}
    lines = lines_of(program.folder)  # of one minute, or of two where it ended meanwhile
    assert sum(line["counters"].get("scheduler_heartbeat", 0) for line in lines) == 3
    assert sum(line["timers"].get("dag.a.b.duration", [0])[0] for line in lines) == 2
    assert {line["minute"] % 60 for line in lines} == {0}
    assert {stat.S_IMODE(path.stat().st_mode) for path in program.folder.iterdir()} == {0o600}


def test_client_with_a_sample_rate_counts_for_what_it_did_not_send() -> None:
    collected = Collected(NOON)
    collected.add(samples(b"airflow.a:2|c|@0.1\nairflow.b:100|ms|@0.5\nairflow.b:50|ms", PREFIX), NOON)
    assert collected.minute.plain()["counters"] == {"a": 20}
    assert collected.minute.plain()["timers"] == {"b": [3, 250, 50, 100, 50]}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"airflow.ti.finish,dag_id=a,task_id=b,state=success:1|c", "ti.finish", 1),  # InfluxDB's form
        (b"airflow.ti.finish:1|c|#dag_id:a,task_id:b", "ti.finish", 1),  # DogStatsD's
        (b"airflow.a:1.5|h|#x:y", "a", 1.5),
        (b"airflow.task_instance_created-BashOperator:1|c", "task_instance_created-BashOperator", 1),
        (b"other.a:1|c", "other.a", 1),
        (b" airflow.a:1|c \r", "a", 1),
    ],
)
def test_tags_and_the_prefix_are_no_part_of_a_name(line: bytes, name: str, value: float) -> None:
    [sample] = read(line)
    assert sample is not None
    assert (sample.name, sample.value) == (name, value)


@pytest.mark.parametrize(
    "line",
    [b"a", b"a:1", b"a:x|c", b"a:1|z", b":1|c", b"a:|c", b"a:nan|g", b"a:inf|c", b"a:1|c|@x", b"a" * 600 + b":1|c"],
)
def test_what_is_no_line_of_statsd_is_counted_and_hides_no_other(line: bytes) -> None:
    assert read(line + b"\nairflow.b:1|c") == [None, Sample("b", "counter", 1.0)]
    assert read(b"\xff\xfe:1|c\x00") == [None]
    assert read(b"\n\n") == []


def test_change_of_a_gauge_is_added_to_what_it_was_a_minute_ago() -> None:
    collected = Collected(NOON)
    collected.add(samples(b"airflow.a:10|g", PREFIX), NOON)
    collected.end_minute()
    collected.add(samples(b"airflow.a:+5|g\nairflow.a:-2|g", PREFIX), NOON + 60)
    assert collected.minute.plain()["gauges"] == {"a": [2, 28, 13, 15, 13]}


def test_gauge_that_comes_no_more_is_not_told_for_ever() -> None:
    collected = Collected(NOON)
    collected.add(samples(b"airflow.pool.open_slots.a:10|g\nairflow.b:1|c", PREFIX), NOON)
    assert collected.now(NOON + GAUGE_KEPT_S)["gauges"]
    later = collected.now(NOON + GAUGE_KEPT_S + 1)
    assert later["gauges"] == {}
    assert later["counters"] == {"b": 1}


def test_names_that_never_end_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "MAX_NAMES", 2)
    collected = Collected(NOON)
    collected.add(samples(b"airflow.a:1|c\nairflow.b:1|g\nairflow.c:1|ms\nairflow.a:1|c\nairflow.b:2|g", PREFIX), NOON)
    plain = collected.minute.plain()
    assert plain["counters"] == {"a": 2}
    assert plain["gauges"]["b"][-1] == 2
    assert (plain["timers"], plain["dropped"]) == ({}, 1)


@pytest.fixture
def collector(tmp_path: Path) -> Collector:
    return Collector(Files(tmp_path), str(tmp_path), PREFIX, NOON + 10)


def test_each_minute_has_its_line_with_what_came_in_it(collector: Collector, tmp_path: Path) -> None:
    collector.take(b"airflow.a:1|c", NOON + 10)
    collector.tick(NOON + 59.9)
    assert lines_of(tmp_path) == []
    collector.take(b"airflow.a:4|c", NOON + 60)
    collector.tick(NOON + 250)  # the machine slept meanwhile
    collector.end(NOON + 251)
    found = [(line["minute"] - NOON, line["counters"]) for line in lines_of(tmp_path)]
    assert found == [(0, {"a": 1}), (60, {"a": 4}), (240, {})]


def test_line_that_a_crash_tore_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / day_name(NOON)
    path.write_text('{"minute": 1, "coun')
    Files(tmp_path).append(int(NOON), {"counters": {}})
    torn, whole = path.read_text().splitlines()
    assert torn == '{"minute": 1, "coun'
    assert json.loads(whole)["minute"] == NOON


def test_old_days_go_and_nothing_else(collector: Collector, tmp_path: Path) -> None:
    day = 24 * 3600
    kept = [day_name(NOON), day_name(NOON - DAYS_KEPT * day), "notes.jsonl", "minutes-of-mine.jsonl", "put.json"]
    old = day_name(NOON - (DAYS_KEPT + 1) * day)
    for name in (*kept, old, old.replace("minutes", "figures")):
        (tmp_path / name).touch()
    collector.tick(NOON + 11)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "now.json"}


def test_full_disk_is_said_once_and_collecting_goes_on(
    collector: Collector, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def at(replaced: Mapping[str, Callable[..., None]], *moments: float) -> None:
        with monkeypatch.context() as patched:
            for name, function in replaced.items():
                patched.setattr(Files, name, function)
            for moment in moments:
                collector.tick(NOON + moment)

    at({"append": full, "write_now": full}, 60, 120, 180)
    assert capsys.readouterr().out.count("No space left on device") == 1
    collector.take(b"airflow.a:1|c", NOON + 181)
    at({}, 240)
    assert lines_of(tmp_path)[-1]["counters"] == {"a": 1}
    at({"append": full}, 300)
    assert capsys.readouterr().out.count("No space left on device") == 1


def test_port_that_is_taken_is_said_and_ends_it(tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        values = {"listens": other.getsockname(), "folder": str(tmp_path), "prefix": PREFIX}
        (tmp_path / "metrics.json").write_text(json.dumps(values))
        argv = [sys.executable, "-I", str(PROGRAM_DIR), str(tmp_path / "metrics.json")]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"cannot listen on 127.0.0.1:{values['listens'][1]}: Address already in use\n"


def test_client_that_says_nothing_keeps_no_other_from_the_sign_of_life(program: Program) -> None:
    with socket.create_connection(("127.0.0.1", program.port)) as silent:
        assert program.is_ready
        silent.close()
    assert program.is_ready
