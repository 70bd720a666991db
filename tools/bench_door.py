"""Measure the front door: what it adds to a request, Airflow commands through it, and the memory that it takes.

    python -m tools.bench_door [--release 3.3.1] [--quick] [--json]

Requests go to a web server directly and through the door in turn, on one connection each, so that both see the same
machine: first to one that does nothing, then to Airflow's in a running sample project, as processes. Beside a command
through the door: the same words in a fresh process with the same variables and folders. Prints a table; a slow figure
is a figure, not a failure.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

from mwaa_local.door.configuration import CommandServer, DoorConfiguration
from mwaa_local.door.tokens import CLI, mint
from mwaa_local.release import Release
from mwaa_local.services.door import COMMANDS_PROGRAM, CONFIGURATION_NAME
from tests.unit.door.doors import WebServer, running_door
from tools.bench.commands import BenchError
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.sample import copy_sample
from tools.bench.subjects import Ours, measuring_env, processes_memory

REQUESTS, QUICK_REQUESTS = 400, 40
COMMANDS, QUICK_COMMANDS = 7, 1
WARM_UPS = 10
TIMEOUT_S = 120.0
COMMAND_TARGETS = {"version": 0.2, "dags list": 0.5}  # of what a fresh process takes
OVERHEAD_TARGET_MS = 2.0


@dataclass(frozen=True)
class Row:
    """One line of the table: figures of the same kind, the last with a highest value wanted."""

    what: str
    plain: float  # without the door, or in a fresh process
    door: float
    unit: str
    share: float | None = None
    target: float | None = None
    compared: str = ""

    def cells(self) -> tuple[str, ...]:
        found = f"{self.share:.2f}{self.compared}" if self.share is not None else "-"
        target = f"≤ {self.target:g}{self.compared}" if self.target is not None else "-"
        met = "-" if self.target is None or self.share is None else "yes" if self.share <= self.target else "no"
        plain = f"{self.plain:.2f} {self.unit}" if self.plain else "-"
        return (self.what, plain, f"{self.door:.2f} {self.unit}", found, target, met)


class Door:
    """A running door, and what was written for it."""

    def __init__(self, project_dir: Path) -> None:
        run_dir = project_dir / ".mwaa-local" / "run"
        self.about = DoorConfiguration.read(run_dir / CONFIGURATION_NAME)
        self.commands = CommandServer.read(Path(self.about.commands))
        path = str(run_dir / CONFIGURATION_NAME)
        self.process = next(item for item in psutil.process_iter() if path in _command_line(item))

    def run(self, words: str) -> float:
        """Run a command through the door; return the seconds."""
        token = mint(self.about.keys["door"], CLI, self.about.environment)
        started = time.monotonic()
        client = HTTPConnection(*self.about.listens, timeout=TIMEOUT_S)
        client.request("POST", "/aws_mwaa/cli", words, {"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        said = answer.read()
        elapsed_s = time.monotonic() - started
        client.close()
        if answer.status != 200 or not base64.b64decode(json.loads(said)["stdout"]):
            raise BenchError(f"`{words}` through the door: {answer.status} {said.decode()}")
        return elapsed_s

    def run_fresh(self, words: str) -> float:
        """Run a command in a process of its own with what the web server has; return the seconds."""
        argv = self.commands.argv
        place = next(number for number, word in enumerate(argv) if word.endswith(COMMANDS_PROGRAM))
        # behind the program: its socket, its time, Airflow's program, and what it imports
        program = argv[place + 3 : place + 3 + argv[place + 3 :].index("--")]
        started = time.monotonic()
        done = subprocess.run(
            [*argv[:place], *program, *words.split()],
            env=self.commands.env,
            cwd="/",
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0 or not done.stdout:
            raise BenchError(f"`airflow {words}`: exit code {done.returncode}\n{done.stderr.decode()}")
        return time.monotonic() - started


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def request_row(what: str, ports: Sequence[int], path: str, count: int) -> Row:
    """Ask for a page at each of two ports in turn: the web server's and the door's."""
    clients = [HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S) for port in ports]
    taken: list[list[float]] = [[], []]
    for number in range(WARM_UPS + count):
        for client, found in zip(clients, taken, strict=True):
            started = time.monotonic()
            client.request("GET", path)
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                raise BenchError(f"{path}: {answer.status}")
            if number >= WARM_UPS:
                found.append((time.monotonic() - started) * 1000)
    plain, through = map(statistics.median, taken)
    return Row(what, plain, through, "ms", through - plain, OVERHEAD_TARGET_MS, " ms")


def bare_row(folder: Path, count: int) -> Row:
    """Ask a web server that does nothing: what the door adds, without the noise of Airflow."""
    server = WebServer()
    with running_door(folder, server.port) as door:
        return request_row("GET of a bare web server", (server.port, door.port), "/", count)


def command_row(door: Door, words: str, count: int) -> Row:
    door.run(words)
    fresh, through = [], []
    for _ in range(count):
        through.append(door.run(words))
        fresh.append(door.run_fresh(words))
    plain, found = statistics.median(fresh), statistics.median(through)
    return Row(f"airflow {words}", plain, found, "s", found / plain, COMMAND_TARGETS[words], " of it")


def memory_rows(door: Door) -> list[Row]:
    """Return the memory of the door, and of what has run commands, which ends when idle; shared pages count once."""
    behind = door.process.children(recursive=True)
    rows = {"memory of the door": [door.process], "memory of what runs commands": behind}
    return [Row(what, 0, processes_memory(processes)[0], "MB") for what, processes in rows.items()]


def door_rows(door: Door, release: Release, *, quick: bool) -> list[Row]:
    count = QUICK_REQUESTS if quick else REQUESTS
    ports = (door.about.upstream[1], door.about.listens[1])
    rows = [request_row(f"GET {release.health_path}", ports, release.health_path, count)]
    rows += [command_row(door, words, QUICK_COMMANDS if quick else COMMANDS) for words in COMMAND_TARGETS]
    return rows + memory_rows(door)


def measure(asked: Asked) -> Shown:
    rows = [bare_row(asked.folder, QUICK_REQUESTS if asked.is_quick else REQUESTS)]
    copy_sample(asked.folder / "project", asked.release)
    ours = Ours(asked.folder / "project", measuring_env(os.environ), asked.release)
    try:
        ours.start()
        rows += door_rows(Door(ours.project.root_dir), asked.release, quick=asked.is_quick)
    finally:
        ours.discard()
    headers = ("what", "without", "through the door", "share or more", "target", "met")
    return Shown(headers, [row.cells() for row in rows], [row.__dict__ for row in rows])


if __name__ == "__main__":
    sys.exit(run_bench(parser_of("tools.bench_door", "few samples of each"), measure))
