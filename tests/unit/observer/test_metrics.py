"""The duties on metrics: each minute has its figures once, whatever fails, and no refusal holds up what follows."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.errors import NotNow
from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.metrics.cloudwatch import NotPut
from mwaa_local.metrics.figures import read_figures
from mwaa_local.metrics.minutes import MINUTE_S, minute_of
from mwaa_local.observer.duty import Observed
from mwaa_local.observer.metrics import PutMetrics, TakeFigures
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.usage import Usage
from mwaa_local.services.metrics import metrics_dir
from mwaa_local.workspace import Workspace
from tests.fakes import FakeRuntime

NOON = 1_796_040_000
EARLY_S = 0.004  # by which a wait ends before the time of day is there
PLAN = Plan((), "3.3.1", {}, "postgresql://127.0.0.1:1/nowhere", "redis://127.0.0.1:1/0", "q", "/")


class Time(threading.Event):
    """The time of day, which goes on while somebody waits for the end of the observer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON + 10.0
        self.waits: list[Callable[[float], float]] = []  # what the next waits do with the seconds they are for

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += self.waits.pop(0)(timeout) if self.waits else timeout
        return self.is_set()


@dataclass
class Used(FakeRuntime):
    """Its components used so much; where an engine does not answer it raises."""

    failures: int = 0
    looks: int = 0

    def usage(self) -> dict[str, Usage]:
        if self.failures:
            self.failures -= 1
            raise NotNow("the engine does not answer")
        self.looks += 1
        return {"worker.1": Usage(float(self.looks), 10)}


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def observed(tmp_path: Path, clock: Time) -> Observed:
    project = Project(tmp_path)
    metrics_dir(project).mkdir(parents=True)
    environment = Environment.model_validate({"Name": "mine"})
    return Observed(Workspace(project, {}), environment, Used(PLAN), PLAN, "", clock)


def written(observed: Observed) -> list[int]:
    """Return the number of each line's minute after noon."""
    lines = [line for path in metrics_dir(observed.workspace.project).iterdir() for line in path.open()]
    return [(json.loads(line)["minute"] - NOON) // MINUTE_S for line in lines]


def used_in(observed: Observed, number: int) -> bool:
    """Return whether it is known what was used in that minute."""
    minute = NOON + number * MINUTE_S
    return bool(read_figures(metrics_dir(observed.workspace.project), minute, minute)[minute].components)


def test_each_minute_is_taken_once_though_waits_end_early(observed: Observed, clock: Time) -> None:
    duty = TakeFigures(clock)
    clock.waits = [lambda seconds: seconds - EARLY_S, lambda seconds: seconds] * 2
    for _ in range(3):
        duty.round(observed)
    assert written(observed) == [0, 1, 2]
    assert all(used_in(observed, number) for number in range(3))


def test_minute_is_kept_though_its_round_failed(observed: Observed, clock: Time) -> None:
    duty = TakeFigures(clock)
    duty.round(observed)
    observed.runtime.failures = 3  # type: ignore[attr-defined]
    for _ in range(3):
        clock.waits = []
        with pytest.raises(NotNow):
            duty.round(observed)
        clock.now += 1
    duty.round(observed)
    duty.round(observed)
    assert written(observed) == [0, 1, 2]


def test_minute_that_could_not_be_written_has_all_that_was_used_in_it(observed: Observed, clock: Time) -> None:
    duty, folder = TakeFigures(clock), metrics_dir(observed.workspace.project)
    away = folder.with_name("away")
    folder.rename(away)
    with pytest.raises(OSError, match="No such file"):
        duty.round(observed)
    before = duty._before
    away.rename(folder)
    assert before is not None
    assert before.usage["worker.1"].cpu_s == 1
    duty.round(observed)
    assert written(observed) == [0]


def test_minutes_without_an_engine_are_left_out_and_not_told_of_others(observed: Observed, clock: Time) -> None:
    duty = TakeFigures(clock)
    duty.round(observed)
    observed.runtime.failures = 1  # type: ignore[attr-defined]
    with pytest.raises(NotNow):
        duty.round(observed)
    clock.now += 5 * MINUTE_S
    duty.round(observed)
    assert written(observed) == [0, (minute_of(clock.now) - NOON) // MINUTE_S - 1]


@pytest.mark.parametrize("step_s", [-600, 600])
def test_clock_that_steps_neither_ends_nor_doubles_a_minute(observed: Observed, clock: Time, step_s: float) -> None:
    duty = TakeFigures(clock)
    clock.waits = [lambda seconds: seconds, lambda seconds: seconds + step_s]
    for _ in range(4):
        duty.round(observed)
    first = 2 + int(step_s) // MINUTE_S
    assert written(observed) == [0, 1, first, first + 1]


def test_end_of_the_observer_writes_no_minute(observed: Observed, clock: Time) -> None:
    clock.set()
    TakeFigures(clock).round(observed)
    assert written(observed) == []


class Cloud(http.server.BaseHTTPRequestHandler):
    """Answers what it is told to, and notes the metrics of each call."""

    answers: list[tuple[int, str]]
    names: list[str]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.names.append(asked["MetricData"][0]["MetricName"])
        status, text = self.answers.pop(0) if self.answers else (200, "{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def cloud() -> Iterator[tuple[str, type[Cloud]]]:
    handler = type("Cloud", (Cloud,), {"answers": [], "names": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def write_minutes(observed: Observed, *names: str) -> None:
    """Write a minute with a metric of each name, the last one some minutes ago."""
    first = minute_of(time.time()) - 10 * MINUTE_S
    for number, name in enumerate(names):
        counters = {f"operator_failures_{name}": 1}
        Files(metrics_dir(observed.workspace.project)).append(
            first + number * MINUTE_S, {"counters": counters, "gauges": {}, "timers": {}}
        )


def test_what_is_refused_for_good_holds_up_nothing_and_is_told_once(
    observed: Observed, cloud: tuple[str, type[Cloud]], caplog: pytest.LogCaptureFixture
) -> None:
    url, asked = cloud
    asked.answers = [(400, '{"__type": "InvalidParameterValue"}'), (200, "{}"), (400, "again")]
    write_minutes(observed, "A", "B", "C", "D")
    duty = PutMetrics()
    with caplog.at_level(logging.WARNING):
        duty.round(replace(observed, aws_url=url))
        duty.round(replace(observed, aws_url=url))
    assert asked.names == ["OperatorFailures"] * 4
    [line] = caplog.messages
    assert "AmazonMWAA" in line
    assert "InvalidParameterValue" in line


@pytest.mark.parametrize(
    "answer", [(503, "away"), (429, "slower"), (400, '{"__type": "ThrottlingException", "message": "Rate exceeded"}')]
)
def test_what_may_be_taken_later_is_put_again(
    observed: Observed, cloud: tuple[str, type[Cloud]], answer: tuple[int, str]
) -> None:
    url, asked = cloud
    asked.answers = [answer]
    write_minutes(observed, "A", "B")
    duty = PutMetrics()
    with pytest.raises(NotPut, match=str(answer[0])):
        duty.round(replace(observed, aws_url=url))
    duty.round(replace(observed, aws_url=url))
    assert len(asked.names) == 3
