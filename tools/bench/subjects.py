"""The sides that are measured: what all have in common, and the product with either of its runtimes.

`airflow standalone` has a file of its own.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import psutil

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.choice import open_runtime
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.process.runtime import ProcessRuntime
from tools.bench.commands import BenchError, run
from tools.bench.databases import Database, PostgresDatabase
from tools.bench.health import health_signs, wait_healthy
from tools.bench.rows import DOCKER, PROCESSES
from tools.bench.sample import ROOT_DIR

MEGABYTE = 10**6
# Variables of the caller's shell that would change what is measured, and those of them that only say where things are.
DROPPED_PREFIXES = ("AIRFLOW", "AWS_", "COMPOSE_", "MWAA", "PYTHON", "VIRTUAL_ENV")
KEPT_VARIABLES = ("MWAA_LOCAL_CACHE_DIR", "MWAA_LOCAL_DEBIAN_MIRROR", "MWAA_POSTGRES_IMAGE", "MWAA_REDIS_IMAGE")


class Subject(Protocol):
    """One way to run Airflow, and everything that is measured of it."""

    side: str
    dags_dir: Path

    def start(self) -> float:
        """Start it, wait until all is healthy, return the seconds."""
        ...

    def stop(self) -> float: ...
    def discard(self) -> None:
        """End whatever may be left of it, in any state, and remove what is not in its folder."""
        ...

    def memory(self) -> tuple[float, str]:
        """Return what it uses in MB of 10**6 bytes, and how many of what were counted."""
        ...

    def database(self) -> Database: ...
    def airflow(self, *words: str) -> float:
        """Run an Airflow command as a user would; return the seconds."""
        ...


class Ours:
    """The product: one project folder and the command run in it, as processes."""

    side = PROCESSES
    kind = "process"  # as `up --runtime` has it

    def __init__(self, root_dir: Path, env: Mapping[str, str], release: Release) -> None:
        self.project = Project.find(root_dir)
        self.dags_dir = self.project.dags_dir
        self._env = {**env, "MWAA_LOCAL_RUNTIME": self.kind}
        self._release = release
        self._runtime = open_runtime(self.kind, self.project, self._env)

    def command(self, *words: str) -> float:
        return run([sys.executable, "-m", "mwaa_local", *words], self.project.root_dir, self._env)

    def start(self) -> float:
        launched, started = time.time(), time.monotonic()
        self.up()
        plan = self._runtime.running_plan()
        if plan is None:
            raise BenchError("`up` said that all is ready, but nothing runs")
        url = f"http://127.0.0.1:{plan.ports['webserver']}{self._release.health_path}"
        wait_healthy(url, self._signs(), launched, self._is_alive)
        return time.monotonic() - started

    def up(self) -> float:
        return self.command("up", "--port", "0")

    def _is_alive(self) -> bool:
        return self._runtime.running

    def _signs(self) -> list[str]:
        return health_signs(self._release, own_dag_processor=self._release.dag_processor_argv is not None)

    def stop(self) -> float:
        return self.command("down")

    def discard(self) -> None:
        self.command("down", "--now")

    def memory(self) -> tuple[float, str]:
        return processes_memory(ProcessRuntime(self.project, self._env).processes())

    def database(self) -> Database:
        plan = self._runtime.running_plan()
        if plan is None:
            raise BenchError("the environment is not running any more")
        return PostgresDatabase(plan.database_url, plan.broker_url)

    def airflow(self, *words: str) -> float:
        return self.command("airflow", *words)


class OursInDocker(Ours):
    """The product as containers."""

    side = DOCKER
    kind = "docker"

    @property
    def files(self) -> ComposeFiles:
        return ComposeFiles.of(self.project)

    def _is_alive(self) -> bool:
        return True  # asking the engine at each look would cost what is measured; `up` has seen all of them ready

    def discard(self) -> None:
        self.command("down", "--now", "--volumes")

    def memory(self) -> tuple[float, str]:
        """As `docker stats` has it. Pages that containers share count for the one that touched them first."""
        runtime = ComposeRuntime(self.project, self._env)
        engine = runtime.engine
        sizes = [engine.memory_bytes(item.id) for item in runtime.containers() if item.is_up]
        if not sizes:
            raise BenchError("there is no container to measure")
        return sum(sizes) / MEGABYTE, f"{len(sizes)} containers, as `docker stats` counts"


def processes_memory(processes: Iterable[psutil.Process]) -> tuple[float, str]:
    """Return the memory of processes, shared pages counted once, and how many were counted."""
    total, count = 0, 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss)  # macOS has no PSS; there what is shared is left out
            count += 1
    if not count:
        raise BenchError("there is no process to measure")
    return total / MEGABYTE, f"PSS of {count} processes"


def measuring_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without what changes figures, finding the package of this checkout."""
    kept = {
        name: value for name, value in env.items() if name in KEPT_VARIABLES or not name.startswith(DROPPED_PREFIXES)
    }
    return {**kept, "PYTHONPATH": str(ROOT_DIR)}
