"""Measure the sync of a source bucket: of a new folder, of one object, and of nothing.

    python -m tools.bench_sync [--release 3.3.1] [--quick] [--json]

The local AWS is that of the sample project, and the folder one beside it; objects are put by boto3. Processor time is
that of the sync's process and the local AWS together. Prints a table; a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.sync.of_environment import EnvironmentSync
from mwaa_local.sync.state import Source
from tools.bench.commands import BenchError
from tools.bench.figures import say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.subjects import measuring_env
from tools.bench_aws import Environment, Row, boto3_clients

BUCKET, PREFIX = "source", "dags"
OBJECTS, QUICK_OBJECTS = 10_000, 1_000
OBJECTS_OF_A_FOLDER = 100
BODY = b"from airflow.sdk import dag, task\n" * 40
ROUNDS = 40
ROUNDS_OF_A_MINUTE = 2  # at MWAA's 30 s
SETTLE_S = 3.0  # after which a folder counts as unchanged (mwaa_local/sync/syncing.py)
FIRST_TARGET_S = 10.0
MINUTE_TARGET_MS = 200.0
AT_ONCE = 8


@contextmanager
def local_aws(folder: Path, release: Release) -> Iterator[tuple[str, psutil.Process]]:
    """Start an environment with one; yield its address and its process."""
    environment = Environment(folder, measuring_env(os.environ), release)
    try:
        environment.up(aws=True)
        yield environment.aws_url(), environment.dispatcher()
    finally:
        environment.discard()


def fill(s3: Any, count: int) -> None:
    def put(number: int) -> None:
        key = f"{PREFIX}/team_{number // OBJECTS_OF_A_FOLDER}/dag_{number}.py"
        s3.put_object(Bucket=BUCKET, Key=key, Body=BODY + b"%d" % number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, range(count)))


class Clock:
    """Time that has gone by, and processor time of this process and the local AWS."""

    def __init__(self, aws: psutil.Process) -> None:
        self._aws = aws
        self.started, self.used = time.monotonic(), self._used()

    def _used(self) -> float:
        times = self._aws.cpu_times()
        return time.process_time() + times.user + times.system

    def stop(self) -> tuple[float, float]:
        return time.monotonic() - self.started, self._used() - self.used


def measure(asked: Asked) -> Shown:
    count = QUICK_OBJECTS if asked.is_quick else OBJECTS
    project = Project(asked.folder / "project")
    project.root_dir.mkdir()
    project.make_state_dir()
    with local_aws(asked.folder / "sample", asked.release) as (url, aws):
        s3 = boto3_clients(url)("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        say(f"putting {count} objects, not measured")
        fill(s3, count)
        sync = EnvironmentSync(project, Source(BUCKET, PREFIX), url)
        clock = Clock(aws)
        done = sync.run()
        taken, used = clock.stop()
        if done is None or len(done.written) != count:
            raise BenchError("the first sync did not bring all objects")
        target = None if asked.is_quick else FIRST_TARGET_S
        rows = [Row(f"first sync of {count} objects", taken, "s", target), Row("… processor time", used, "s")]
        time.sleep(SETTLE_S)
        if (again := sync.run()) is None or not again.is_nothing:
            raise BenchError("a second sync found something to do")
        rows += _nothing(sync, aws)
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/team_0/dag_0.py", Body=b"changed")
        clock = Clock(aws)
        sync.run()
        taken, used = clock.stop()
        rows += [Row("sync of one changed object", taken, "s"), Row("… processor time", used, "s")]
    return Shown(("what", "measured", "target", "met"), [row.cells for row in rows], [asdict(row) for row in rows])


def _nothing(sync: EnvironmentSync, aws: psutil.Process) -> list[Row]:
    clock = Clock(aws)
    for _ in range(ROUNDS):
        if sync.run() is not None:
            raise BenchError("a sync without a change was not skipped")
    taken, used = clock.stop()
    minute = used / ROUNDS * ROUNDS_OF_A_MINUTE
    return [
        Row("sync without a change", taken / ROUNDS * 1000, "ms"),
        Row("… processor time of a minute", minute * 1000, "ms", MINUTE_TARGET_MS),
    ]


if __name__ == "__main__":
    sys.exit(run_bench(parser_of("tools.bench_sync", "a tenth of the objects"), measure))
