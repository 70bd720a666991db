"""Measure MWAA's API on this machine: how fast reads are answered, what its process takes, what `up` pays for it.

    python -m tools.bench_api [--release 3.3.1] [--quick] [--json] [--skip-up]

Reads are asked over one connection, by a client that only writes and reads bytes, and by boto3, whose own time is then
in the figure. `up` is measured in pairs, with the API and without it, taking turns in going first: without it means
that its place is taken, so that `up` starts none. Prints a table; a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.api.address import ApiFolder
from mwaa_local.project import STATE_DIR
from tools.bench.commands import BenchError
from tools.bench.figures import SAMPLES, say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.sample import copy_sample
from tools.bench.subjects import MEGABYTE, Ours, measuring_env

READS = 200
QUICK_READS = 20
PAGES = 20
PAUSE_S = 0.01  # between reads: as clients ask that wait for a status, and not faster than the machine can answer
REGION = "us-east-1"
SIGNATURE = f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/airflow/aws4_request, SignedHeaders=host, Signature=0"
CONSOLE = "/_mwaa-local/"
TARGETS = {
    "GetEnvironment, raw client": "≤ 10 ms",
    "ListEnvironments, raw client": "≤ 10 ms",
    "GetEnvironment, boto3": "≤ 10 ms",
    "ListEnvironments, boto3": "≤ 10 ms",
}


@dataclass(frozen=True)
class Figure:
    """The samples of one row, in its unit."""

    samples: Sequence[float]
    unit: str

    @property
    def text(self) -> str:
        middle = statistics.median(self.samples)
        if self.unit != "ms":
            return f"{middle:.2f} {self.unit}" if self.unit == "s" else f"{middle:.0f} {self.unit}"
        worst = statistics.quantiles(self.samples, n=20)[-1]  # the 95th percentile
        return f"{middle:.1f} ms, p95 {worst:.1f}"


Found = dict[str, Figure]


class Api:
    """The API of a project's environment that runs."""

    def __init__(self, root_dir: Path) -> None:
        address = ApiFolder.of(root_dir / STATE_DIR).address
        if address is None:
            raise BenchError(f"`up` has started no API in {root_dir}")
        self.address = address
        self._connection = http.client.HTTPConnection("127.0.0.1", address.port)

    def ask(self, path: str) -> bytes:
        self._connection.request("GET", path, headers={"Authorization": SIGNATURE})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise BenchError(f"{path} was answered with {answer.status}: {content[:200]!r}")
        return content

    def names(self) -> list[str]:
        return [str(name) for name in json.loads(self.ask("/environments"))["Environments"]]

    def memory(self) -> Iterator[tuple[str, float]]:
        """Yield what the process has, in MB: all its pages, and these with what is shared divided among its users."""
        about = psutil.Process(self.address.pid).memory_full_info()
        yield "RSS", about.rss / MEGABYTE
        if hasattr(about, "pss"):
            yield "PSS", about.pss / MEGABYTE


def measure_reads(api: Api, count: int) -> Found:
    """Return how long reads take, and the memory after them, and after the console page was looked at."""
    name = api.names()[0]
    found: Found = {}

    def row(what: str, times: int, ask: Callable[[], object]) -> None:
        ask()  # the first one imports and connects
        found[what] = Figure([_milliseconds(ask) for _ in range(times)], "ms")
        say(f"{what:<32} {found[what].text}")

    def memory(when: str) -> None:
        for kind, size in api.memory():
            found[f"memory {when}, {kind}"] = Figure([size], "MB")
            say(f"{f'memory {when}, {kind}':<32} {size:.0f} MB")

    row("GetEnvironment, raw client", count, lambda: api.ask(f"/environments/{name}"))
    row("ListEnvironments, raw client", count, lambda: api.ask("/environments"))
    client = _boto3_client(api.address.url)
    row("GetEnvironment, boto3", count, lambda: client.get_environment(Name=name))
    row("ListEnvironments, boto3", count, lambda: client.list_environments())
    memory("after reads")
    row("console page, all environments", PAGES, lambda: api.ask(CONSOLE))
    row("console page, one environment", PAGES, lambda: api.ask(f"{CONSOLE}environments/{name}"))
    memory("after the console page")
    return found


def _milliseconds(ask: Callable[[], object]) -> float:
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _boto3_client(url: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "mwaa",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(inject_host_prefix=False),
    )


def measure_up(ours: Ours, pairs: int) -> Found:
    """Return the seconds of `up` with and without the API. The environment runs afterwards, with it."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(pairs):
        for with_api in (False, True) if number % 2 else (True, False):
            ours.command("down")
            ours.command("api", "--stop")
            seconds[with_api].append(ours.up() if with_api else _up_without(ours))
            say(f"up {'with' if with_api else 'without'} the API: {seconds[with_api][-1]:.2f} s")
    ours.up()
    return {"up with the API": Figure(seconds[True], "s"), "up without the API": Figure(seconds[False], "s")}


def _up_without(ours: Ours) -> float:
    """Bring it up while the API's place is taken by nobody who answers."""
    lock = ApiFolder.of(ours.project.state_dir).take()
    if lock is None:
        raise BenchError("an API runs that was just ended")
    try:
        return ours.up()
    finally:
        os.close(lock)


def measure(asked: Asked) -> Shown:
    copy_sample(asked.folder / "project", asked.release)
    ours = Ours(asked.folder / "project", measuring_env(os.environ), asked.release)
    try:
        say("first start, not measured")
        ours.up()
        found = {} if asked.arguments.skip_up else measure_up(ours, 1 if asked.is_quick else SAMPLES)
        found |= measure_reads(Api(ours.project.root_dir), QUICK_READS if asked.is_quick else READS)
    finally:
        ours.discard()
        ours.command("api", "--stop")
    rows = [(name, each.text, TARGETS.get(name, "-")) for name, each in found.items()]
    plain = {name: {"unit": each.unit, "samples": each.samples} for name, each in found.items()}
    return Shown(("what", "measured", "target"), rows, plain)


def main() -> int:
    parser = parser_of("tools.bench_api", "one pair of `up`, a tenth of the reads")
    parser.add_argument("--skip-up", action="store_true", help="leave out what starts and stops the environment")
    return run_bench(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
