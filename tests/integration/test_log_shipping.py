"""The shipper with a local AWS of its own, and files as Airflow and the launcher write them: no Airflow runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.environment.environment import LoggingConfiguration
from mwaa_local.logs.files import airflow_logs_dir
from mwaa_local.logs.groups import Group
from mwaa_local.logs.shipping.places import Places
from mwaa_local.logs.shipping.service import Away, LogService
from mwaa_local.logs.shipping.shipper import Destination, Shipper
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import LogFile
from tests.conftest import REPOSITORY_DIR
from tests.environments import wait_until
from tests.integration.aws_endpoint import REGION, Endpoint, endpoint

ENVIRONMENT = "mine"
RUN = "dag_id=many/run_id=manual__2026-11-30T12:00:53+00:00"
ALL_ON = LoggingConfiguration.model_validate({group.member: {"Enabled": True, "LogLevel": "INFO"} for group in Group})


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws")) as started:
        yield started


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> str:
    """A name of each test's own: the local AWS is shared."""
    return f"mine-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.logs_dir.mkdir(parents=True)
    return project


class Shipping:
    """A shipper, which may be begun anew."""

    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(self, project: Project, environment: str, url: str, logging: LoggingConfiguration = ALL_ON) -> None:
        self.project, self.logging = project, logging
        self.environment, self.url = environment, url
        self.places_path = project.state_dir / "logs.sqlite"
        self.begin_anew()

    def begin_anew(self) -> None:
        self.places = Places(self.places_path)
        self.shipper = Shipper(self.project, self.places, lambda: self.clock())
        self.service = LogService(self.url, REGION)

    def round(self) -> int:
        return self.shipper.round(Destination(self.environment, True, self.logging, self.service))


@pytest.fixture
def shipping(project: Project, environment: str, aws: Endpoint) -> Shipping:
    return Shipping(project, environment, aws.url)


def line(number: int, level: str = "info") -> str:
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{number % 10**6:06}Z"
    return json.dumps({"timestamp": when, "level": level, "event": f"line {number}"})


def write_task(project: Project, task: str, *lines: str, attempt: int = 1) -> Path:
    path = airflow_logs_dir(project) / RUN / f"task_id={task}" / f"attempt={attempt}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(f"{text}\n" for text in lines)
    return path


def events(aws: Endpoint, environment: str, group: str, **more: Any) -> list[dict[str, Any]]:
    pages = aws.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=f"airflow-{environment}-{group}", **more)
    return sorted((event for page in found for event in page["events"]), key=lambda event: event["message"])


def said(aws: Endpoint, environment: str, group: str = "Task") -> Counter[str]:
    return Counter(json.loads(event["message"])["event"] for event in events(aws, environment, group))


def test_task_logs_are_in_the_streams_of_mwaa(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    write_task(project, "load", line(1), line(2, "error"))
    write_task(project, "load", line(3), attempt=2)
    shipping.round()
    found = events(aws, environment, "Task")
    stream = f"{RUN.replace(':', '_')}/task_id=load/attempt"
    assert [(event["logStreamName"], json.loads(event["message"])["event"]) for event in found] == [
        (f"{stream}=1.log", "line 1"),
        (f"{stream}=1.log", "line 2"),
        (f"{stream}=2.log", "line 3"),
    ]
    assert [event["message"] for event in events(aws, environment, "Task", filterPattern="error")] == [
        found[1]["message"]
    ]
    listed = aws.client("logs").describe_log_streams(logGroupName=f"airflow-{environment}-Task")["logStreams"]
    assert sorted(each["logStreamName"] for each in listed) == [f"{stream}=1.log", f"{stream}=2.log"]


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        ('{ $.level = "error" }', ["line 2"]),
        ('{ $.event = "line *" && $.level != "info" }', ["line 2", "line 3"]),
        ("?warning ?error", ["line 2", "line 3"]),
        ("-info", ["line 2", "line 3"]),
        ('"line 1"', ["line 1"]),
        ("%line [13]%", ["line 1", "line 3"]),
    ],
)
def test_patterns_of_cloudwatch_choose_among_them(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint, pattern: str, lines: list[str]
) -> None:
    write_task(project, "a", line(1), line(3, "warning"))
    write_task(project, "b", line(2, "error"))
    shipping.round()
    found = aws.client("logs").filter_log_events(logGroupName=f"airflow-{environment}-Task", filterPattern=pattern)[
        "events"
    ]
    assert [json.loads(event["message"])["event"] for event in found] == lines  # by time, over both streams


def test_a_pattern_that_cloudwatch_refuses_is_refused(shipping: Shipping, environment: str, aws: Endpoint) -> None:
    shipping.round()
    with pytest.raises(ClientError, match=r"InvalidParameterException.*must be in double quotes"):
        events(aws, environment, "Task", filterPattern="no-word")


def test_groups_are_made_for_modules_that_are_on(project: Project, environment: str, aws: Endpoint) -> None:
    on = {"SchedulerLogs": {"Enabled": True, "LogLevel": "INFO"}}
    Shipping(project, environment, aws.url, LoggingConfiguration.model_validate(on)).round()
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"airflow-{environment}-")["logGroups"]
    # MWAA's default is on for tasks.
    assert [group["logGroupName"] for group in groups] == [
        f"airflow-{environment}-Scheduler",
        f"airflow-{environment}-Task",
    ]


def test_components_requirements_and_startup_script(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    (project.logs_dir / "requirements_install.out").write_text(f"{now} pip install\n")
    (project.logs_dir / "startup_script_worker.out").write_text(f"{now} hello\n")
    for component in ("scheduler", "triggerer", "worker.1", "worker.2", "webserver", "dag-processor", "postgres"):
        log = LogFile(project.logs_dir / f"{component}.log")
        log.mark_start()
        log.write("out", f"from {component}")
    shipping.round()
    found = {
        group: Counter(
            (event["logStreamName"].partition("_")[0], event["message"]) for event in events(aws, environment, group)
        )
        for group in Group
        if group is not Group.TASK
    }
    pip = ("requirements", "[INFO] - pip install")
    assert found == {
        "Scheduler": Counter([pip, ("scheduler", "from scheduler"), ("triggerer", "from triggerer")]),
        "Worker": Counter(
            [pip, ("startup", "[INFO] - hello"), ("worker", "from worker.1"), ("worker", "from worker.2")]
        ),
        "WebServer": Counter([pip, ("webserver", "from webserver")]),
        "DAGProcessing": Counter([("dag-processor-manager.log", "from dag-processor")]),
    }


def test_a_group_gets_its_level_and_above_and_files_keep_all(project: Project, environment: str, aws: Endpoint) -> None:
    on = {"TaskLogs": {"Enabled": True, "LogLevel": "ERROR"}}
    path = write_task(project, "load", line(1), line(2, "warning"), line(3, "error"), line(4, "critical"))
    Shipping(project, environment, aws.url, LoggingConfiguration.model_validate(on)).round()
    assert said(aws, environment) == Counter(["line 3", "line 4"])
    assert len(path.read_text().splitlines()) == 4


def test_a_group_that_is_switched_on_later_has_nothing_from_before(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    shipping.logging = LoggingConfiguration.model_validate({"TaskLogs": {"Enabled": False, "LogLevel": "INFO"}})
    old = json.dumps({"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "before"})
    path = write_task(project, "load", old)
    shipping.round()
    shipping.logging = ALL_ON
    shipping.round()
    later = json.dumps(
        {"timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() + 1))}Z", "event": "later"}
    )
    with path.open("a") as file:
        file.write(f"{later}\n")
    shipping.round()
    assert said(aws, environment) == Counter(["later"])


def test_nothing_is_sent_twice_by_one_that_begins_anew(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    log = LogFile(project.logs_dir / "scheduler.log", max_bytes=2000)
    for number in range(200):
        write_task(project, f"t{number % 3}", line(number))
        log.write("out", line(number))
        if number % 15 == 0:  # the component's file was replaced once or twice since
            shipping.round()
        if number % 45 == 0:
            shipping.begin_anew()
    shipping.round()
    assert shipping.round() == 0
    every = Counter(f"line {number}" for number in range(200))
    assert said(aws, environment) == every
    assert said(aws, environment, "Scheduler") == every


def test_files_that_are_emptied_or_replaced_are_sent_anew(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    path = write_task(project, "load", line(1), line(2))
    shipping.round()
    path.write_text(f"{line(3)}\n")
    shipping.round()
    other = path.with_name("other")
    other.write_text(f"{line(4)}\n{line(5)}\n{line(6)}\n")
    other.replace(path)
    shipping.round()
    assert said(aws, environment) == Counter(f"line {number}" for number in range(1, 7))


def test_nothing_is_lost_while_the_service_is_away(project: Project, environment: str, tmp_path: Path) -> None:
    folder, state = tmp_path / "aws", tmp_path / "state"
    folder.mkdir()
    with endpoint(folder, state=state) as first:
        shipping = Shipping(project, environment, first.url)
        write_task(project, "load", line(1))
        shipping.round()
        first.process.send_signal(signal.SIGTERM)
        first.process.wait()
        write_task(project, "load", line(2))
        with pytest.raises(Away, match="does not answer"):
            shipping.round()
        write_task(project, "other", line(3))
    with endpoint(folder, state=state, port=first.port) as second:
        shipping.round()
        assert said(second, environment) == Counter(["line 1", "line 2", "line 3"])


def test_what_is_emptied_gets_new_groups_and_what_comes(project: Project, environment: str, tmp_path: Path) -> None:
    with endpoint(tmp_path) as own:
        shipping = Shipping(project, environment, own.url)
        write_task(project, "load", line(1))
        shipping.round()
        assert own.ask("POST", "/_mwaa-local/aws/empty").status == 200
        write_task(project, "load", line(2))
        shipping.round()
        assert said(own, environment) == Counter(["line 2"])


def test_aws_cli_reads_them(shipping: Shipping, project: Project, environment: str, aws: Endpoint) -> None:
    write_task(project, "load", line(1), line(2, "error"))
    shipping.round()
    group = f"airflow-{environment}-Task"
    words = f"logs filter-log-events --log-group-name {group} --filter-pattern error --output json"
    answer = subprocess.run(
        [Path(sys.executable).with_name("aws"), *words.split(), "--endpoint-url", aws.url, "--region", REGION],
        env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(event["message"])["event"] for event in json.loads(answer.stdout)["events"]] == ["line 2"]


def there(aws: Endpoint, environment: str) -> Counter[str]:
    try:
        return said(aws, environment)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"  # of the group, before its first event
        return Counter()


KILLS = 2
SHIP = """
import sys, time
from pathlib import Path
from tests.integration.test_log_shipping import Shipping
from mwaa_local.project import Project
shipping = Shipping(Project(Path(sys.argv[1])), sys.argv[2], sys.argv[3])
while True:
    try:
        shipping.round()
    except Exception as error:
        print(error, flush=True)
    time.sleep(0.05)
"""


def test_every_line_is_there_after_kills_of_shipper_and_service(
    project: Project, environment: str, tmp_path: Path
) -> None:
    folder, state = tmp_path / "aws", tmp_path / "state"
    folder.mkdir()

    def ship(url: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", SHIP, str(project.root_dir), environment, url]
        return subprocess.Popen(words, cwd=REPOSITORY_DIR, env={**os.environ, "PYTHONPATH": str(REPOSITORY_DIR)})

    written, port = 0, 0
    shipper: subprocess.Popen[bytes] | None = None

    def write(count: int) -> None:
        nonlocal written
        for _ in range(count):
            write_task(project, f"t{written % 20}", line(written))
            written += 1
            time.sleep(0.002)

    try:
        for kill in range(KILLS + 1):
            with endpoint(folder, state=state, port=port) as own:
                port = own.port
                shipper = shipper or ship(own.url)
                before = written
                write(100)
                wait_until(lambda: f"line {before}" in there(own, environment), 60, "the shipper works")  # noqa: B023
                write(100)
                if kill < KILLS:  # each in the middle of its work
                    (shipper if kill % 2 else own.process).kill()
                    write(100)
                if shipper.poll() is not None:
                    shipper.wait()
                    shipper = ship(own.url)
                if kill == KILLS:
                    wait_until(lambda: len(there(own, environment)) == written, 60, "every line is there")
    finally:
        if shipper is not None:
            shipper.kill()
            shipper.wait()
