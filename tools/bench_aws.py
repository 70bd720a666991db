"""Measure the local AWS on this machine: what `up` pays for it, how fast it answers, and what MWAA's face takes in all.

    python -m tools.bench_aws [--release 3.3.1] [--quick] [--json]

`up` is measured in pairs, with `Aws: local` and without it, taking turns in going first. The memory is that of the
dispatcher, the API and the door together, after S3, SQS and MWAA were asked, and CloudFormation was not: it is
imported when it is asked for, and its row shows what that costs. Prints a table; a slow figure is a figure, not a
failure.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.api.address import ApiFolder
from mwaa_local.observer.place import ObserverFolder
from mwaa_local.project import ENVIRONMENT_FILE
from mwaa_local.release import Release
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.services.aws import AWS
from mwaa_local.services.aws import PROGRAM_DIR as DISPATCHER_DIR
from mwaa_local.services.door import PROGRAM_DIR as DOOR_DIR
from tools.bench.commands import BenchError
from tools.bench.figures import SAMPLES, say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.sample import copy_sample
from tools.bench.subjects import Ours, measuring_env, processes_memory

CALLS, QUICK_CALLS = 200, 20
REGION = "us-east-1"
UP_TARGET = 1.1  # with `Aws: local`, of what it takes without
WHOLE_TARGET = 1.25  # idle memory of all that belongs to an environment, of what it is without
SETTLE_S, IDLE_S = 20.0, 30.0  # after `up`; and for which processor time is counted
MEMORY_TARGET_MB = 200.0  # dispatcher, door and API, without CloudFormation
AWS_LINE = re.compile(r"(?m)^  # Aws: none")


@dataclass(frozen=True)
class Row:
    """A figure: its unit, and what it ought to be at most where that was said."""

    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        digits = 0 if self.unit == "MB" else 2
        target = "-" if self.target is None else f"≤ {self.target:g} {self.unit}".strip()
        met = "-" if self.target is None else "yes" if self.value <= self.target else "no"
        return (self.what, f"{self.value:.{digits}f} {self.unit}".strip(), target, met)


class Environment:
    """The sample project, started with a local AWS or without one."""

    def __init__(self, folder: Path, env: Mapping[str, str], release: Release) -> None:
        copy_sample(folder, release)
        self.ours = Ours(folder, env, release)
        self._file = folder / ENVIRONMENT_FILE
        self._text = self._file.read_text(encoding="utf-8")
        if not AWS_LINE.search(self._text):
            raise BenchError(f"the sample's {ENVIRONMENT_FILE} has no line for Aws")

    def up(self, *, aws: bool) -> float:
        """Start it anew; return the seconds."""
        self.ours.command("down")
        self.ours.command("api", "--stop")
        self._file.write_text(AWS_LINE.sub("  Aws: local", self._text) if aws else self._text, encoding="utf-8")
        return self.ours.up()

    def aws_url(self) -> str:
        plan = ProcessRuntime(self.ours.project, os.environ).running_plan()
        if plan is None:
            raise BenchError("the environment is not running any more")
        return f"http://localhost:{plan.ports[AWS]}"

    def dispatcher(self) -> psutil.Process:
        """Return the process of the local AWS."""
        for process in ProcessRuntime(self.ours.project, os.environ).processes():
            if _runs(process, str(DISPATCHER_DIR)):
                return process
        raise BenchError("the local AWS does not run")

    def face(self) -> list[psutil.Process]:
        """Return the processes that serve what is MWAA's: dispatcher, door, API."""
        address = ApiFolder.of(self.ours.project.state_dir).address
        found = [
            process
            for process in ProcessRuntime(self.ours.project, os.environ).processes()
            if _runs(process, str(DISPATCHER_DIR)) or _runs(process, str(DOOR_DIR))
        ]
        if address is None or len(found) != 2:
            raise BenchError(f"the dispatcher, the door and the API were looked for; found: {found}, {address}")
        return [*found, psutil.Process(address.pid)]

    def whole(self) -> list[psutil.Process]:
        """Return all processes of the environment, those of the launcher beside it included."""
        address, observer = ApiFolder.of(self.ours.project.state_dir).address, ObserverFolder.of(self.ours.project).pid
        if address is None or observer is None:
            raise BenchError("the API or the observer does not run beside the environment")
        beside = [psutil.Process(address.pid), psutil.Process(observer)]
        return [*ProcessRuntime(self.ours.project, os.environ).processes(), *beside]

    def discard(self) -> None:
        self.ours.discard()
        self.ours.command("api", "--stop")


def _runs(process: psutil.Process, program: str) -> bool:
    try:
        return program in process.cmdline()
    except psutil.Error:
        return False


def up_rows(environment: Environment, pairs: int) -> list[Row]:
    """Return the seconds of `up` with the local AWS and without it, and how they stand to each other."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(pairs):
        for aws in (False, True) if number % 2 else (True, False):
            seconds[aws].append(environment.up(aws=aws))
            say(f"up {'with' if aws else 'without'} a local AWS: {seconds[aws][-1]:.2f} s")
    plain, local = statistics.median(seconds[False]), statistics.median(seconds[True])
    return [
        Row("up without a local AWS", plain, "s"),
        Row("up with Aws: local", local, "s"),
        Row("of what it takes without", local / plain, "", UP_TARGET),
    ]


def idle_rows(environment: Environment, seconds: float) -> list[Row]:
    """Return memory and processor time of a whole environment that has nothing to do, without a local AWS and with."""
    memory: dict[bool, float] = {}
    rows = []
    for aws in (False, True):
        environment.up(aws=aws)
        time.sleep(SETTLE_S)
        processes, words = environment.whole(), "with Aws: local" if aws else "without a local AWS"
        before, began = processor_s(processes), time.perf_counter()
        time.sleep(seconds)
        share = 100 * (processor_s(processes) - before) / (time.perf_counter() - began)
        memory[aws] = processes_memory(environment.whole())[0]
        rows += [Row(f"idle memory, all, {words}", memory[aws], "MB"), Row(f"idle CPU, all, {words}", share, "%")]
    return [*rows, Row("idle memory, of what it is without", memory[True] / memory[False], "", WHOLE_TARGET)]


def processor_s(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time that these have taken; those that ended since they were listed count as nothing."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def call_rows(client: Callable[[str], Any], count: int) -> list[Row]:
    """Ask three services with boto3, whose own time is in the figures."""
    name = client("mwaa").list_environments()["Environments"][0]
    client("s3").create_bucket(Bucket="bench")
    asked: dict[str, Callable[[], object]] = {
        "S3 PutObject, boto3": lambda: client("s3").put_object(Bucket="bench", Key="a", Body=b"a"),
        "SQS ListQueues, boto3": lambda: client("sqs").list_queues(),
        "MWAA GetEnvironment through it, boto3": lambda: client("mwaa").get_environment(Name=name),
    }
    rows = []
    for what, ask in asked.items():
        ask()  # the first one imports and connects
        rows.append(Row(what, statistics.median([_milliseconds(ask) for _ in range(count)]), "ms"))
    return rows


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def memory_rows(environment: Environment, client: Callable[[str], Any]) -> list[Row]:
    """Return the memory, pages that are shared counted once, before and after CloudFormation was asked."""

    def row(what: str, target: float | None = None) -> Row:
        return Row(what, processes_memory(environment.face())[0], "MB", target)

    rows = [row("memory of dispatcher, door and API", MEMORY_TARGET_MB)]
    client("cloudformation").list_stacks()
    return [*rows, row("and with CloudFormation")]


def boto3_clients(url: str) -> Callable[[str], Any]:
    import boto3
    from botocore.config import Config

    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = boto3.client(
                service,
                endpoint_url=url,
                region_name=REGION,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(inject_host_prefix=False, s3={"addressing_style": "path"}),
            )
        return clients[service]

    return client


def measure(asked: Asked) -> Shown:
    environment = Environment(asked.folder / "project", measuring_env(os.environ), asked.release)
    try:
        say("first starts, not measured")
        environment.up(aws=True)
        environment.up(aws=False)
        rows = up_rows(environment, 1 if asked.is_quick else SAMPLES)
        rows += idle_rows(environment, IDLE_S)
        client = boto3_clients(environment.aws_url())
        rows += call_rows(client, QUICK_CALLS if asked.is_quick else CALLS) + memory_rows(environment, client)
    finally:
        environment.discard()
    return Shown(("what", "measured", "target", "met"), [row.cells for row in rows], [asdict(row) for row in rows])


if __name__ == "__main__":
    sys.exit(run_bench(parser_of("tools.bench_aws", "one pair of `up`, a tenth of the calls"), measure))
