"""Which minutes are put: each once, in order, whole calls of one namespace, also after an AWS was away."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.database.tasks import TaskCounts
from mwaa_local.environment.environment import Environment
from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.metrics import cloudwatch
from mwaa_local.metrics.cloudwatch import Batch, NotPut
from mwaa_local.metrics.datum import Datum
from mwaa_local.metrics.figures import Figures, append_figures
from mwaa_local.metrics.minutes import Spread
from mwaa_local.metrics.putting import CATCH_UP_S, LATE_S, put_all

NOON = 1_796_040_000
ENVIRONMENT = Environment.model_validate({"Name": "mine"})


class Aws:
    """Takes what is put, unless it is away."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, list[int]]] = []  # namespace, how many, of which minutes
        self.left = 1_000_000  # calls until it goes away

    def put(self, batch: Batch) -> None:
        if not self.left:
            raise NotPut("away")
        self.left -= 1
        minutes = sorted({datum.minute for datum in batch.data})
        self.calls.append((batch.data[0].namespace, len(batch.data), minutes))

    @property
    def minutes(self) -> list[int]:
        return [(minute - NOON) // 60 for _, _, minutes in self.calls for minute in minutes]


def write(folder: Path, *numbers: int, names: int = 1) -> None:
    """Write minutes with so many of Airflow's metrics."""
    for number in numbers:
        counters = {f"ti.finish.a.task{name}.success": 1 for name in range(names)}
        Files(folder).append(NOON + number * 60, {"counters": counters, "gauges": {}, "timers": {}})


def put(folder: Path, aws: Aws, number: float) -> int:
    """Put what there is, so many minutes after noon, when the last of a minute is written."""
    return put_all(folder, ENVIRONMENT, NOON + number * 60 + LATE_S, aws.put, lambda: False)


def test_each_minute_is_put_once_when_it_is_over(tmp_path: Path) -> None:
    aws = Aws()
    write(tmp_path, 0, 1)
    assert put(tmp_path, aws, 0.9) == 0
    assert put(tmp_path, aws, 1) == 1
    assert put(tmp_path, aws, 1.9) == 0
    assert put(tmp_path, aws, 2) == 1
    assert put(tmp_path, aws, 3) == 0
    assert aws.minutes == [0, 1]


def test_what_an_aws_missed_is_put_in_order_when_it_is_back(tmp_path: Path) -> None:
    aws = Aws()
    aws.left = 1
    write(tmp_path, 0, 1, 2, 4)
    with pytest.raises(NotPut):
        put(tmp_path, aws, 5)
    aws.left = 99
    put(tmp_path, aws, 6)
    assert aws.minutes == [0, 1, 2, 4]


def test_minute_that_was_put_in_part_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "MAX_DATA", 10)
    aws = Aws()
    aws.left = 2
    write(tmp_path, 0, names=25)
    append_figures(tmp_path, NOON, Figures({}, TaskCounts(1, 2, 3)))
    with pytest.raises(NotPut):
        put(tmp_path, aws, 1)
    aws.left = 99
    put(tmp_path, aws, 1)
    assert [call[:2] for call in aws.calls] == [
        ("AmazonMWAA", 10),
        ("AmazonMWAA", 10),
        ("AmazonMWAA", 5),
        ("AWS/MWAA", 3),
    ]


def test_no_call_has_more_than_cloudwatch_takes_well(tmp_path: Path) -> None:
    aws = Aws()
    write(tmp_path, 0, names=1200)
    assert put(tmp_path, aws, 1) == 1200
    assert [count for _, count, _ in aws.calls] == [500, 500, 200]


def test_minutes_that_would_not_be_kept_are_left_out(tmp_path: Path) -> None:
    aws = Aws()
    write(tmp_path, 0, 1, 200)
    put(tmp_path, aws, CATCH_UP_S / 60 + 1)
    assert aws.minutes == [1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"minute": "x", "done": 0}', '{"minute": 9999999999, "done": 0}'])
def test_note_that_nobody_can_read_or_from_the_future_holds_nothing_up(tmp_path: Path, text: str) -> None:
    aws = Aws()
    write(tmp_path, 0)
    (tmp_path / "put.json").write_text(text)
    put(tmp_path, aws, 1)
    assert aws.minutes == [0]


def test_clock_that_was_set_back_has_only_new_minutes_put(tmp_path: Path) -> None:
    aws = Aws()
    write(tmp_path, *range(20))
    put(tmp_path, aws, 20)
    del aws.calls[:]
    aws.left = 0
    write(tmp_path, 9, 10)  # a second line of each, by the new clock
    with pytest.raises(NotPut):
        put(tmp_path, aws, 10)
    aws.left = 99
    put(tmp_path, aws, 11)
    assert aws.minutes == [9, 10]


@pytest.mark.parametrize(
    ("version", "sent_ms"),
    [
        ("2.0.2", 250),
        ("2.2.2", 0.25),
        ("2.4.3", 250),
        ("2.10.3", 250),
        ("2.11.2", 250),
        ("3.2.1", 0.25),
        ("3.3.1", 0.25),
    ],
)
def test_time_to_read_a_dag_file_is_in_seconds_however_it_was_sent(
    version: str, sent_ms: float, tmp_path: Path
) -> None:
    timers = {"dag_processing.last_duration.orders": [2, sent_ms * 2, sent_ms, sent_ms, sent_ms]}
    duration = {"dag.a.b.duration": [1, 1500, 1500, 1500, 1500]}
    Files(tmp_path).append(NOON, {"counters": {}, "gauges": {}, "timers": {**timers, **duration}})
    environment = Environment.model_validate({"Name": "mine", "AirflowVersion": version})
    found: list[Datum] = []
    put_all(tmp_path, environment, NOON + 60 + LATE_S, lambda batch: found.extend(batch.data), lambda: False)
    assert {datum.name: (datum.unit, datum.values) for datum in found} == {
        "DAGFileProcessingLastDuration": ("Seconds", Spread(2, 0.5, 0.25, 0.25, 0.25)),
        "TaskInstanceDuration": ("Milliseconds", Spread(1, 1500, 1500, 1500, 1500)),
    }


def test_end_of_the_observer_ends_the_catching_up(tmp_path: Path) -> None:
    aws = Aws()
    write(tmp_path, 0, 1, 2)
    put_all(tmp_path, ENVIRONMENT, NOON + 600, aws.put, lambda: len(aws.calls) == 2)
    put(tmp_path, aws, 10)
    assert aws.minutes == [0, 1, 2]
