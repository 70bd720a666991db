"""`mwaa-local logs --group`, with files as Airflow writes them and nothing that runs."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import Outcome, ProjectRunner
from tests.unit.logs import written

ALL_ON = """\
Name: mine
AirflowVersion: {version}
LoggingConfiguration:
  TaskLogs: {{Enabled: true, LogLevel: WARNING}}
  SchedulerLogs: {{Enabled: true, LogLevel: WARNING}}
  WorkerLogs: {{Enabled: true, LogLevel: INFO}}
  WebserverLogs: {{Enabled: true, LogLevel: CRITICAL}}
  DagProcessingLogs: {{Enabled: true, LogLevel: DEBUG}}
"""
STREAM = "dag_id=two/run_id=manual__2025-11-30T12_00_53.039+00_00/task_id=each/map_index=1/attempt=1.log"


@pytest.fixture
def written_project(project: Callable[..., ProjectRunner]) -> ProjectRunner:
    made = project({"mwaa.yaml": ALL_ON.format(version="3.3.1")})
    written.write(made.root_dir / ".mwaa-local" / "airflow" / "logs", written.AIRFLOW_3)
    logs = {
        "scheduler.log": written.SCHEDULER,
        "worker.1.log": written.WORKER,
        "requirements_install.out": written.REQUIREMENTS,
        "startup_script_scheduler.out": written.STARTUP,
    }
    written.write(made.root_dir / ".mwaa-local" / "logs", logs)
    return made


def events(outcome: Outcome) -> list[dict[str, object]]:
    assert outcome.exit_code == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def test_task_group_from_its_level_on(written_project: ProjectRunner) -> None:
    shown = events(written_project.call("logs", "--group", "Task", "--json"))
    assert [json.loads(str(event.pop("message")))["level"] for event in shown] == ["warning", "error"]
    assert shown[0] == {"logGroupName": "airflow-mine-Task", "logStreamName": STREAM, "timestamp": 1764504056371}


def test_text_has_time_stream_and_message(written_project: ProjectRunner) -> None:
    shown = written_project.call("logs", "--group", "Task", "-n", "1")
    clock, stream, message = shown.stdout.split(" ", 2)
    assert datetime.fromisoformat(clock).timestamp() == pytest.approx(1764504056.402)
    assert stream == STREAM
    assert json.loads(message)["event"] == "Task failed"


def test_scheduler_group_has_requirements_and_startup_script_whatever_its_level(
    written_project: ProjectRunner,
) -> None:
    shown = events(written_project.call("logs", "--group", "scheduler", "--json"))
    host = socket.gethostname()
    by_stream: dict[object, int] = {}
    for event in shown:
        by_stream[event["logStreamName"]] = by_stream.get(event["logStreamName"], 0) + 1
    assert by_stream == {
        f"requirements_install_{host}_1764504039.log": 2,
        f"startup_script_execution_{host}_1764504039.log": 2,
        f"scheduler_{host}_1764504044.log": 2,  # the warning, and what goes on with it
    }
    assert [event["timestamp"] for event in shown] == sorted(int(str(event["timestamp"])) for event in shown)


@pytest.mark.parametrize("name", ["Worker", "worker", "airflow-mine-Worker"])
def test_a_group_goes_by_its_short_and_its_whole_name(written_project: ProjectRunner, name: str) -> None:
    shown = written_project.call("logs", "--group", name, "--filter", "Connected")
    assert re.fullmatch(r"\S+ worker_\S+_1764504046\.log \[2025.*Connected to redis\n", shown.stdout)


def test_dag_processing_of_airflow_2(project: Callable[..., ProjectRunner]) -> None:
    made = project({"mwaa.yaml": ALL_ON.format(version="2.10.3")})
    written.write(made.root_dir / ".mwaa-local" / "airflow" / "logs", written.AIRFLOW_2)
    shown = events(made.call("logs", "--group", "DAGProcessing", "--json"))
    assert [event["logStreamName"] for event in shown] == ["dag_processor_manager.log", "scheduler_two.py.log"]
    task = events(made.call("logs", "--group", "Task", "--json", "--filter", '"Task failed"'))
    assert [str(event["message"]).partition("\n")[2] for event in task] == [written.TRACEBACK]


@pytest.mark.parametrize(
    ("pattern", "count"),
    [('{ $.level = "error" }', 1), ("?warning ?nothing", 1), ("-warning", 1), ('"a warning"', 1), ("nothing", 0)],
)
def test_filter_is_cloudwatchs(written_project: ProjectRunner, pattern: str, count: int) -> None:
    assert len(events(written_project.call("logs", "--group", "Task", "--json", "--filter", pattern))) == count


def test_since_takes_how_long_ago_and_times(written_project: ProjectRunner) -> None:
    def count(since: str) -> int:
        return len(events(written_project.call("logs", "--group", "Task", "--json", "--since", since)))

    assert count("2025-11-30T12:00:56.4+00:00") == 1
    assert count("2000w") == 2
    path = written_project.root_dir / ".mwaa-local" / "airflow" / "logs" / written.TASK_3
    now = datetime.now().astimezone().isoformat()
    with path.open("a") as file:
        file.write(json.dumps({"timestamp": now, "level": "error", "event": "now"}) + "\n")
    assert count("10m") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--group", "Tasks"], "'Tasks' is none of Task, Scheduler, Worker, WebServer, DAGProcessing"),
        (["--group", "Task", "--since", "tomorrow"], "'tomorrow' is neither a number with"),
        (["--group", "Task", "worker"], "a log group has its own components"),
        (["--since", "10m"], "Invalid value for --since: it chooses events of a log group: add --group"),
        (["--filter", "ERROR"], "Invalid value for --filter: it chooses events of a log group: add --group"),
        (["--group", "Task", "--filter", "no-word"], "must be in double quotes"),
    ],
)
def test_refused_words(written_project: ProjectRunner, words: list[str], told: str) -> None:
    outcome = written_project.call("logs", *words)
    assert outcome.exit_code == 2
    assert told in " ".join(re.sub(r"[│╭╮╰╯─]", " ", outcome.stderr).split())
    assert not outcome.stdout


def test_a_group_that_is_off_says_what_switches_it_on(project: Callable[..., ProjectRunner]) -> None:
    made = project({"mwaa.yaml": "Name: mine\n"})
    outcome = made.call("logs", "--group", "Scheduler")
    assert outcome.exit_code == 3
    assert "error: the log group airflow-mine-Scheduler is off" in outcome.stderr
    assert "SchedulerLogs" in outcome.stderr
    assert "mwaa-local logs scheduler triggerer" in outcome.stderr
    assert made.call("logs", "--group", "Task").exit_code == 0  # MWAA's default is on, and nothing is there yet


@pytest.mark.parametrize("newest", [(), ("-n", "1")])
def test_follow_shows_what_comes_until_it_is_interrupted(
    written_project: ProjectRunner, newest: tuple[str, ...]
) -> None:
    task = written_project.root_dir / ".mwaa-local" / "airflow" / "logs" / written.TASK_3
    with written_project.begin("logs", "--group", "Task", "-f", "--json", *newest) as command:
        assert command.stdout is not None
        times = [1764504056371, 1764504056402][-1 if newest else 0 :]
        assert [json.loads(command.stdout.readline())["timestamp"] for _ in times] == times
        other = Path(str(task).replace("map_index=1", "map_index=2"))
        other.parent.mkdir()
        other.write_text('{"timestamp":"2025-11-30T12:02:00Z","level":"error","event":"later"}\n')
        assert json.loads(json.loads(command.stdout.readline())["message"])["event"] == "later"
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == 130
