"""Minutes as they are read back: what the collector itself wrote, and what a crash left of it."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.guest.statsd.server import Collector
from mwaa_local.metrics.minutes import Spread, Sums, read_minutes, read_now

NOON = 1_796_040_000
MIDNIGHT = 1_796_083_200


def collected(folder: Path, *packets: tuple[float, bytes], until: float) -> None:
    collector = Collector(Files(folder), str(folder), "airflow.", packets[0][0])
    for when, packet in packets:
        collector.take(packet, when)
    collector.end(until)


def test_minutes_are_what_came_in_them(tmp_path: Path) -> None:
    collected(
        tmp_path,
        (NOON + 1, b"airflow.a:1|c\nairflow.g:5|g"),
        (NOON + 59, b"airflow.a:2|c\nairflow.g:3|g\nairflow.t:10|ms"),
        (NOON + 61, b"airflow.a:4|c"),
        until=NOON + 100,
    )
    found = read_minutes(tmp_path, NOON, NOON + 60)
    assert found == {
        NOON: Sums({"a": 3}, {"g": Spread(2, 8, 3, 5, 3)}, {"t": Spread(1, 10, 10, 10, 10)}),
        NOON + 60: Sums({"a": 4}),
    }
    assert list(read_minutes(tmp_path, NOON + 60, NOON + 600)) == [NOON + 60]
    now = read_now(tmp_path)
    assert now is not None
    assert (now[0], now[1].counters, now[1].gauges["g"].last) == (NOON + 100, {"a": 7}, 3)


def test_minute_in_which_the_collector_began_anew_is_the_sum_of_both(tmp_path: Path) -> None:
    collected(tmp_path, (NOON + 1, b"airflow.a:1|c\nairflow.g:5|g\nairflow.x:1|g"), until=NOON + 20)
    collected(tmp_path, (NOON + 30, b"airflow.a:2|c\nairflow.g:2|g\nairflow.y:1|g"), until=NOON + 40)
    [sums] = read_minutes(tmp_path, NOON, NOON).values()
    assert sums.counters == {"a": 3}
    assert sums.gauges["g"] == Spread(2, 7, 2, 5, 2)
    assert sums.gauges.keys() == {"g", "x", "y"}


def test_minutes_on_both_sides_of_midnight_are_found(tmp_path: Path) -> None:
    packets = ((MIDNIGHT - 60, b"airflow.a:1|c"), (MIDNIGHT, b"airflow.a:2|c"))
    collected(tmp_path, *packets, until=MIDNIGHT + 1)
    assert len(list(tmp_path.glob("minutes-*.jsonl"))) == 2
    assert [sums.counters["a"] for sums in read_minutes(tmp_path, MIDNIGHT - 600, MIDNIGHT + 600).values()] == [1, 2]


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    collected(tmp_path, (NOON + 1, b"airflow.a:1|c"), until=NOON + 2)
    [path] = tmp_path.glob("minutes-*.jsonl")
    torn = '{"minute": 1796040000, "coun\n[]\n7\n{}\n{"minute": 1796040000, "gauges": {"a": [1, 2]}}\n\xff\n'
    path.write_bytes(torn.encode("latin-1") + path.read_bytes())
    assert read_minutes(tmp_path, NOON, NOON) == {NOON: Sums({"a": 1})}


def test_before_anything_is_written_there_is_nothing(tmp_path: Path) -> None:
    assert read_minutes(tmp_path / "not there", NOON, NOON) == {}
    assert read_now(tmp_path / "not there") is None
    (tmp_path / "now.json").write_text("[]")
    assert read_now(tmp_path) is None
