"""Measure the sending of logs to a local AWS: what it takes while nothing happens, and how many lines it keeps up with.

    python -m tools.bench_logs [--quick] [--json]

The shipper is a process of its own, as the observer is, beside a local AWS without an environment. Idle: five
components that said something once, and the files of many task attempts, of which a few are of the last minutes. Under
load: a third program writes lines at a fixed rate, half of them of components and half of tasks; that all of them have
come is asked of the local AWS. Prints a table; a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from mwaa_local.environment.environment import LoggingConfiguration
from mwaa_local.logs.files import airflow_logs_dir
from mwaa_local.logs.groups import Group
from mwaa_local.logs.shipping.places import Places
from mwaa_local.logs.shipping.service import LogService
from mwaa_local.logs.shipping.shipper import Destination, Shipper
from mwaa_local.observer.log_shipping import LogShipping
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import LogFile
from tests.integration.aws_endpoint import REGION, Endpoint, endpoint
from tools.bench.program import Asked, Shown, parser_of, run_bench

NAME = "bench"
COMPONENTS = ("scheduler", "triggerer", "worker.1", "webserver", "dag-processor")
RUNS, QUICK_RUNS, TASKS = 2000, 200, 3
LATE_RUNS = 20  # within the last minutes
IDLE_S, QUICK_IDLE_S = 60.0, 10.0
LINES_PER_S, LOAD_S, QUICK_LOAD_S = 5000, 30.0, 5.0
TICKS_PER_S = 20  # in which a writer writes its lines
WAIT_S = 300.0
IDLE_TARGET = 2.0  # percent of one core
BEHIND_TARGET_S = 5.0  # after the last line was written, for all to be there: then it keeps up
SETTLE_S = 8.0
OLD_S = 3 * 86400.0


@dataclass(frozen=True)
class Row:
    """A figure: its unit, and what it ought to be where that was said."""

    what: str
    value: float
    unit: str
    target: float | None = None

    def cells(self) -> tuple[str, ...]:
        target = "-" if self.target is None else f"≤ {self.target:g} {self.unit}"
        met = "-" if self.target is None else "yes" if self.value <= self.target else "no"
        return (self.what, f"{self.value:,.2f} {self.unit}", target, met)


def ship(root: str, url: str) -> None:
    """Send what is new as the observer does, for ever."""
    project = Project(Path(root))
    on = {group.member: {"Enabled": True, "LogLevel": "INFO"} for group in Group}
    to = Destination(NAME, True, LoggingConfiguration.model_validate(on), LogService(url, REGION))
    shipper = Shipper(project, Places(project.state_dir / "logs.sqlite"))
    while True:
        shipper.round(to)
        time.sleep(LogShipping.interval_s)


def write(root: str, seconds: str) -> None:
    """Write lines at the rate; print how many it were, and in how many seconds."""
    project = Project(Path(root))
    components = [LogFile(project.logs_dir / f"{name}.log") for name in COMPONENTS]
    paths = [_attempt(project, "load", task) for task in range(len(COMPONENTS))]
    tasks = [path.open("a", buffering=1) for path in paths]
    written, begun = 0, time.monotonic()
    while (now := time.monotonic()) - begun < float(seconds):
        while written < (now - begun) * LINES_PER_S:
            clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
            said = f"line {written} of a load that is about as long as Airflow's own lines are, in the mean"
            place = written // 2 % len(COMPONENTS)
            if written % 2:
                components[place].write("out", f"{clock}.000000Z [info     ] {said} [airflow.jobs] loc=a.py:1")
            else:
                event = {"timestamp": f"{clock}.000000Z", "level": "info", "event": said, "logger": "task"}
                tasks[place].write(f"{json.dumps(event)}\n")
            written += 1
        time.sleep(1 / TICKS_PER_S)
    print(written, time.monotonic() - begun)


def measure(asked: Asked) -> Shown:
    """Measure both, on one local AWS."""
    project = Project(asked.folder / "project")
    project.logs_dir.mkdir(parents=True)
    aws_dir = asked.folder / "aws"
    aws_dir.mkdir()
    runs = QUICK_RUNS if asked.is_quick else RUNS
    _write_attempts(project, runs)
    with endpoint(aws_dir, state=asked.folder / "state") as aws, _shipping(project, aws.url) as shipper:
        rows = [*_idle(shipper, aws, runs, asked), *_load(project, shipper, aws, asked)]
    cells = [row.cells() for row in rows]
    return Shown(("what", "measured", "target", "met"), cells, [asdict(row) for row in rows])


def _idle(shipper: psutil.Process, aws: Endpoint, runs: int, asked: Asked) -> Iterator[Row]:
    server = psutil.Process(aws.process.pid)
    time.sleep(SETTLE_S)
    seconds = QUICK_IDLE_S if asked.is_quick else IDLE_S
    before, before_server = _cpu_s(shipper), _cpu_s(server)
    time.sleep(seconds)
    files = runs * TASKS
    yield Row(f"shipper, idle, {files:,} task logs", (_cpu_s(shipper) - before) / seconds * 100, "% core", IDLE_TARGET)
    yield Row("local AWS beside it", (_cpu_s(server) - before_server) / seconds * 100, "% core")
    yield Row("shipper's memory, with its interpreter", shipper.memory_info().rss / 1e6, "MB")


def _load(project: Project, shipper: psutil.Process, aws: Endpoint, asked: Asked) -> Iterator[Row]:
    server = psutil.Process(aws.process.pid)
    seconds = QUICK_LOAD_S if asked.is_quick else LOAD_S
    before, before_server = _cpu_s(shipper), _cpu_s(server)
    held = _held(aws)
    begun = time.monotonic()
    writer = subprocess.run(
        [sys.executable, "-m", "tools.bench_logs", "write", str(project.root_dir), f"{seconds}"],
        stdout=subprocess.PIPE,
        check=True,
    )
    ended = time.monotonic()
    words = writer.stdout.split()
    written, took_s = int(words[0]), float(words[1])
    while _held(aws) - held < written and time.monotonic() - ended < WAIT_S:
        time.sleep(0.2)
    there = time.monotonic()
    yield Row("lines written per second", written / took_s, "lines/s")
    yield Row("all there after the last one", there - ended, "s", BEHIND_TARGET_S)
    yield Row("lines there", _held(aws) - held, "lines")
    yield Row("lines written", written, "lines")
    yield Row("shipper, meanwhile", (_cpu_s(shipper) - before) / (there - begun) * 100, "% core")
    yield Row("local AWS, meanwhile", (_cpu_s(server) - before_server) / (there - begun) * 100, "% core")
    yield Row("local AWS's memory afterwards", server.memory_info().rss / 1e6, "MB")


def _held(aws: Endpoint) -> int:
    """Return how many events were written down: to list them would cost more than what is measured."""
    state = Path(json.loads((aws.socket_path.parent / "aws.json").read_text())["state"])
    found = 0
    for path in (state / "logs").glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            found += len(json.loads(line).get("events", ()))
    return found


@contextmanager
def _shipping(project: Project, url: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-m", "tools.bench_logs", "ship", str(project.root_dir), url])
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _write_attempts(project: Project, runs: int) -> None:
    for name in COMPONENTS:
        LogFile(project.logs_dir / f"{name}.log").write("out", "ready")
    now = time.time()
    for run in range(runs):
        when = now - (60.0 if run < LATE_RUNS else OLD_S)
        for task in range(TASKS):
            path = _attempt(project, f"{run}", task)
            path.write_text('{"level":"info","event":"done"}\n')
            for each in (path, path.parent, path.parent.parent):
                os.utime(each, (when, when))


def _attempt(project: Project, run: str, task: int) -> Path:
    folder = airflow_logs_dir(project) / f"dag_id=d{task % 2}" / f"run_id=r{run}" / f"task_id=t{task}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "attempt=1.log"


if __name__ == "__main__":
    if sys.argv[1:2] == ["ship"]:
        ship(*sys.argv[2:])
    elif sys.argv[1:2] == ["write"]:
        write(*sys.argv[2:])
    else:
        sys.exit(run_bench(parser_of("tools.bench_logs", "a tenth of the files, seconds instead of a minute"), measure))
