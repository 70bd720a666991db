#!/usr/bin/env python3
"""Measure speed and memory of `mwaa-local`, and beside it `airflow standalone` of the same packages.

    python -m tools.bench [--release 3.3.1] [--only ROW,ROW] [--quick] [--json] [--skip-cold] [--skip-standalone]

Prints a table. A slow figure is a figure, not a failure: the exit code is 1 only when something did not work. Works in
a temporary copy of the sample project and stops what it started. `airflow standalone` keeps its own defaults (SQLite,
the executor it chooses) except for the examples, its ports, and as many slots as the worker here has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

import psutil

from mwaa_local.cli.session import Session
from mwaa_local.console import standard, table
from mwaa_local.errors import MwaaLocalError
from mwaa_local.health import Health
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.ports import free_port
from mwaa_local.project import ENVIRONMENT_FILE, Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.runtime.process import ProcessRuntime

ROOT_DIR = Path(__file__).resolve().parent.parent
SAMPLE_FOLDERS = ("dags", "plugins", "requirements", "startup")
SAMPLE_DAG = "hello_mwaa"
HUNDRED_DAG = "bench_hundred"
TASKS = 100
SLOTS = 5  # tasks at once on a worker of mw1.small, the sample's class
SAMPLES = 3
IDLE_PAUSE_S = 20.0  # between ready and measuring memory
STAGGER_S = 1.3  # between new DAG files, so that not every one just misses the same look into the folder
COMMAND_TIMEOUT_S = 900.0  # a cold `up` on a slow index
HEALTHY_TIMEOUT_S = 180.0
LISTED_TIMEOUT_S = 400.0  # Airflow's own interval between looks for new files is 300 s
RUN_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 30.0  # of `airflow standalone` after Ctrl-C; what is left then is killed
INTERRUPT_TIMEOUT_S = 20.0
POLL_PAUSE_S = 0.05
BUSY_LOOK_S = 1.0
BUSY_LIMIT_PERCENT = 10.0  # of all cores; above it, figures tell more about the others than about this
MEGABYTE = 10**6
# `airflow standalone` came with Airflow 2.2, and cannot be told a port before https://github.com/apache/airflow/pull/20429,
# which the next release that MWAA had, 2.4.3, is newer than.
STANDALONE_SINCE, PORT_CHOICE_SINCE, FIXED_PORT = "2.2.0", "2.3.0", 8080
LAST_LINES = 20
MARK_VARIABLE = "MWAA_LOCAL_BENCH"
# Variables of the caller's shell that would change what is measured.
DROPPED_PREFIXES = ("AIRFLOW", "AWS_", "MWAA", "PYTHON", "VIRTUAL_ENV")
KEPT_VARIABLES = ("MWAA_LOCAL_CACHE_DIR",)
OURS, STANDALONE = "mwaa-local", "standalone"
DONE_EXIT_CODE, FAILED_EXIT_CODE, INTERRUPTED_EXIT_CODE = 0, 1, 130

HUNDRED_TEXT = f'''\
from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    MANUALLY = {{"schedule": None}}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator

    MANUALLY = {{"schedule_interval": None}}


def nothing():
    pass


with DAG(
    dag_id="{HUNDRED_DAG}",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_tasks={TASKS},
    **MANUALLY,
) as dag:
    for number in range({TASKS}):
        PythonOperator(task_id="task_%03d" % number, python_callable=nothing)
'''
NEW_DAG_TEXT = HUNDRED_TEXT.replace(f'"{HUNDRED_DAG}"', '"{dag_id}"').replace(f"range({TASKS})", "range(1)")
# About a quarter of a second on a machine of 2024; says how this machine compares, whatever else it does.
LOOP_CODE = """\
import time
def loop():
    started, total = time.perf_counter(), 0
    for number in range(5_000_000):
        total += number & 7
    return time.perf_counter() - started
print(min(loop() for _ in range(3)))
"""


class BenchError(Exception):
    """Something did not work; the message says what, with the last lines of output where there are any."""


@dataclass(frozen=True)
class Row:
    """One line of the table. `target` is the highest value wanted, in `unit`; None where none was set."""

    name: str
    what: str
    unit: str = "s"
    target: float | None = None
    not_slower_than_standalone: bool = False


ROWS = (
    Row("up", "warm `up` until all are healthy", target=8, not_slower_than_standalone=True),
    Row("cold-up", "cold `up`: empty caches, packages from the index", target=60),
    Row("second-project", "first `up` of a second project, warm caches", target=15),
    Row("memory", "idle memory, PSS of all processes", "MB", 800),
    Row("down", "`down`", target=5),
    Row("sample", "trigger to success, the four-task sample", target=4),
    Row("hundred-tasks", f"trigger to success, {TASKS} trivial tasks at {SLOTS} slots", target=50),
    Row("new-dag", "new DAG file listed after saving", target=5),
    Row("help", "`mwaa-local --help`"),
    Row("status", "`mwaa-local status`"),
    Row("airflow-version", "`mwaa-local airflow version`"),
    Row("no-change-up", "`up` when nothing changed"),
)
COLD_ROW = "cold-up"
CYCLE_ROWS = {"up", "down"}
RUNNING_ROWS = {"memory", "sample", "hundred-tasks", "new-dag", "status", "airflow-version", "no-change-up"}
STANDALONE_ROWS = {"up", "down", "memory", "sample", "hundred-tasks", "new-dag", "help", "airflow-version"}


@dataclass(frozen=True)
class Measurement:
    """The samples of one row on one side, in the row's unit; or why there are none."""

    samples: tuple[float, ...] = ()
    note: str = ""
    failure: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.samples)


Results = dict[tuple[str, str], Measurement]  # by row and side


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# Commands.


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float = COMMAND_TIMEOUT_S) -> float:
    """Run a command to its end; return the seconds it took. Raises BenchError unless it ends with exit code 0.

    An interrupt reaches the command as SIGINT, so that it can undo what it began.
    """
    elapsed_s, exit_code, output = _run(argv, cwd, env, timeout_s)
    if exit_code != 0:
        how = f"ended with exit code {exit_code}" if elapsed_s < timeout_s else f"took longer than {timeout_s:.0f} s"
        raise BenchError(f"`{' '.join(argv)}` {how}\n{last_lines(output)}")
    return elapsed_s


def output_of(argv: Sequence[str], env: Mapping[str, str]) -> str:
    _, exit_code, output = _run(argv, Path("/"), env, COMMAND_TIMEOUT_S)
    if exit_code != 0:
        raise BenchError(f"`{' '.join(argv)}` ended with exit code {exit_code}\n{last_lines(output)}")
    return output.strip()


def _run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float) -> tuple[float, int, str]:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        started = time.monotonic()
        process = start_process(argv, cwd, env, output)
        # Popen's own time-out looks every 50 ms only, which is half of what the fastest command here takes.
        alarm = threading.Timer(timeout_s, end_process, [process])
        alarm.start()
        try:
            exit_code = process.wait()
            elapsed_s = time.monotonic() - started
        except BaseException:
            end_process(process)
            raise
        finally:
            alarm.cancel()
        output.seek(0)
        return elapsed_s, exit_code, output.read()


def start_process(argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end_process(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_TIMEOUT_S)
            return


def last_lines(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines()[-LAST_LINES:])


def wait_until(check: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Return once `check` says so. Raises BenchError, with what was waited for, when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(POLL_PAUSE_S)


# Looking at a running Airflow.


class Database(Protocol):
    """The metadata database. Queries are in PostgreSQL's style; no answer and no row are the same: empty."""

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]: ...


class PostgresDatabase(Health):
    """Ours, asked through the product's own connection."""

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]:
        return self._query(query, values) or []


class SqliteDatabase:
    """The file of `airflow standalone`, opened for reading only and never for long: it has one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]:
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
                return connection.execute(query.replace("%s", "?"), values).fetchall()
        except sqlite3.OperationalError:  # not made yet, or busy: asked again
            return []


@dataclass(frozen=True)
class RunTimes:
    """One DAG run; times in epoch seconds."""

    state: str
    queued: float
    ended: float


def run_times(database: Database, dag_id: str, run_id: str) -> RunTimes | None:
    """Return the times of a DAG run that has ended, else None."""
    rows = database.query(
        "SELECT state, queued_at, end_date FROM dag_run WHERE dag_id = %s AND run_id = %s AND end_date IS NOT NULL",
        dag_id,
        run_id,
    )
    if not rows:
        return None
    state, queued, ended = rows[0]
    return RunTimes(str(state), epoch(queued), epoch(ended))


def is_listed(database: Database, dag_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM dag WHERE dag_id = %s", dag_id))


def can_be_triggered(database: Database, dag_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM serialized_dag WHERE dag_id = %s", dag_id))


def epoch(value: object) -> float:
    """Return a database's time, which is UTC where it names no zone, in epoch seconds."""
    time_value = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (time_value if time_value.tzinfo else time_value.replace(tzinfo=UTC)).timestamp()


def unhealthy(page: Mapping[str, Any], wanted: Iterable[str], since: float) -> str:
    """Return the first of the `wanted` parts that a health page does not call healthy, or "".

    A page shows the last heartbeat there was, so one from before `since` (epoch seconds) does not count. Parts that
    this Airflow's page has no entry for are passed over.
    """
    for name in wanted:
        part = page.get(name)
        if part is None:
            continue
        beat = part.get(f"latest_{name}_heartbeat")
        if part.get("status") != "healthy" or (name != "metadatabase" and (not beat or epoch(beat) < since)):
            return name
    return ""


def wait_healthy(url: str, wanted: Sequence[str], since: float, alive: Callable[[], bool]) -> None:
    """Return once the health page is all healthy. Raises BenchError when it is not in time, or Airflow has ended."""
    last = "no answer"

    def check() -> bool:
        nonlocal last
        if not alive():
            raise BenchError("Airflow ended while it started")
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=5) as answer:
            last = unhealthy(json.load(answer), wanted, since)
            return not last
        return False

    try:
        wait_until(check, HEALTHY_TIMEOUT_S, f"{url} healthy")
    except BenchError as error:
        raise BenchError(f"{error} (last seen unhealthy: {last})") from error


# The two sides.


class Subject(Protocol):
    """One way to run Airflow, and everything that is measured of it."""

    side: str
    dags_dir: Path

    def start(self) -> float:
        """Start it, wait until all is healthy, return the seconds."""
        ...

    def stop(self) -> float: ...
    def discard(self) -> None:
        """End whatever may be left of it, in any state."""
        ...

    def processes(self) -> list[psutil.Process]: ...
    def database(self) -> Database: ...
    def airflow(self, *words: str) -> float:
        """Run an Airflow command as a user would; return the seconds."""
        ...


class Ours:
    """The product: one project folder and the command run in it."""

    side = OURS

    def __init__(self, root_dir: Path, env: Mapping[str, str], release: Release) -> None:
        self._root_dir = root_dir
        self._env = env
        self._release = release
        self._runtime = ProcessRuntime(Project.find(root_dir), env)
        self.dags_dir = root_dir / "dags"

    def command(self, *words: str) -> float:
        return run([sys.executable, "-m", "mwaa_local", *words], self._root_dir, self._env)

    def start(self) -> float:
        launched, started = time.time(), time.monotonic()
        self.command("up", "--port", "0")
        plan = self._runtime.running_plan()
        if plan is None:
            raise BenchError("`up` said that all is ready, but nothing runs")
        url = f"http://127.0.0.1:{plan.ports['webserver']}{self._release.health_path}"
        wait_healthy(url, self._signs(), launched, lambda: self._runtime.running)
        return time.monotonic() - started

    def _signs(self) -> list[str]:
        return health_signs(self._release, own_dag_processor=self._release.dag_processor_argv is not None)

    def stop(self) -> float:
        return self.command("down")

    def discard(self) -> None:
        self.command("down", "--now")

    def processes(self) -> list[psutil.Process]:
        return self._runtime.processes()

    def database(self) -> Database:
        plan = self._runtime.running_plan()
        if plan is None:
            raise BenchError("the environment is not running any more")
        return PostgresDatabase(plan.database_url, plan.broker_url)

    def airflow(self, *words: str) -> float:
        return self.command("airflow", *words)


class Standalone:
    """`airflow standalone` out of the release's own package set, with a home of its own."""

    side = STANDALONE

    def __init__(self, home_dir: Path, env: Mapping[str, str], release: Release, packages: PythonEnvironment) -> None:
        self._home_dir = home_dir
        self._release = release
        self._packages = packages
        self._port = free_port() if release.is_at_least(PORT_CHOICE_SINCE) else FIXED_PORT
        self._env = standalone_env(home_dir, env, release, packages, self._port)
        self._log_path = home_dir / "standalone.log"
        self._leader: subprocess.Popen[bytes] | None = None
        self.dags_dir = home_dir / "dags"

    def start(self) -> float:
        check_port(self._port)
        launched, started = time.time(), time.monotonic()
        with self._log_path.open("w") as log:
            self._leader = leader = start_process(self._argv("standalone"), self._home_dir, self._env, log)
        url = f"http://127.0.0.1:{self._port}{self._release.health_path}"
        # In Airflow 2 its scheduler looks through DAG files itself.
        signs = health_signs(self._release, own_dag_processor=self._release.is_at_least("3.0.0"))
        try:
            wait_healthy(url, signs, launched, lambda: leader.poll() is None)
        except BenchError as error:
            raise BenchError(f"{error}\n{last_lines(self._log_path.read_text(errors='replace'))}") from error
        return time.monotonic() - started

    def stop(self) -> float:
        """Interrupt it as Ctrl-C does, wait until the last of its processes is gone, return the seconds.

        It does not always end: seen on 3.3.1, the scheduler and its executor's processes stayed. What is left
        after STOP_TIMEOUT_S is killed, and the seconds are that limit or more.
        """
        started = time.monotonic()
        left = self.processes()
        if self._leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._leader.pid, signal.SIGINT)
            with contextlib.suppress(BenchError):
                wait_until(lambda: not self._living(left), STOP_TIMEOUT_S, "the end of `airflow standalone`")
        elapsed_s = time.monotonic() - started
        self._kill(self._living(left))
        self._leader = None
        return elapsed_s

    def _living(self, processes: list[psutil.Process]) -> list[psutil.Process]:
        """Return those that have not ended; one that its parent has not looked at yet has ended."""
        if self._leader is not None:
            self._leader.poll()
        living = []
        for process in processes:
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    living.append(process)
        return living

    def discard(self) -> None:
        self.stop()
        self._kill(self._marked())
        self._leader = None

    def _kill(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=INTERRUPT_TIMEOUT_S)
        if self._leader is not None:
            self._leader.poll()

    def _marked(self) -> list[psutil.Process]:
        """Return processes that have left the tree but still carry this run's mark in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK_VARIABLE) == self._env[MARK_VARIABLE]:
                    found.append(process)
        return found

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            if self._leader is not None and self._leader.poll() is None:
                leader = psutil.Process(self._leader.pid)
                return [leader, *leader.children(recursive=True)]
        return []

    def database(self) -> Database:
        return SqliteDatabase(self._home_dir / "airflow.db")

    def airflow(self, *words: str) -> float:
        return run(self._argv(*words), self._home_dir, self._env)

    def _argv(self, *words: str) -> list[str]:
        return [str(self._packages.python_path), "-m", "airflow", *words]


def check_port(port: int) -> None:
    """Raise BenchError when somebody listens there: their health page would be taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BenchError(f"port {port}, which `airflow standalone` needs, is in use") from error


def health_signs(release: Release, *, own_dag_processor: bool) -> list[str]:
    """Return the parts of the health page that must be healthy."""
    signs = ["metadatabase", "scheduler"]
    if release.triggerer_argv is not None:
        signs.append("triggerer")
    if own_dag_processor:
        signs.append("dag_processor")
    return signs


def standalone_env(
    home_dir: Path, env: Mapping[str, str], release: Release, packages: PythonEnvironment, port: int
) -> dict[str, str]:
    """Return what `airflow standalone` is started with: its defaults, local ports, and what the sample DAG reads."""
    url = f"http://127.0.0.1:{port}"
    if release.is_at_least("3.0.0"):
        web = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        }
    else:
        web = {
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
            "AIRFLOW__WEBSERVER__BASE_URL": url,
        }
    return {
        "PYTHONUNBUFFERED": "1",  # so that a failure's last lines are there
        # `standalone` starts its parts as `airflow`, looked up on PATH.
        "PATH": f"{packages.bin_dir}{os.pathsep}{env.get('PATH', os.defpath)}",
        "HOME": str(home_dir),
        "LANG": env.get("LANG", "C.UTF-8"),
        MARK_VARIABLE: str(home_dir),
        "AIRFLOW_HOME": str(home_dir),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(SLOTS),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        **web,
        "TEAM_NAME": "data platform",
        "MWAA_AIRFLOW_COMPONENT": "worker",
    }


# Measuring.


def memory_mb(processes: Iterable[psutil.Process]) -> tuple[float, int]:
    """Return the memory of processes in MB of 10**6 bytes, shared pages counted once, and how many were counted."""
    total, count = 0, 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss)  # macOS has no PSS; there what is shared is left out
            count += 1
    if not count:
        raise BenchError("there is no process to measure")
    return total / MEGABYTE, count


def dag_run(subject: Subject, dag_id: str, run_id: str) -> tuple[float, float]:
    """Run a DAG; return the seconds until it succeeded, since the trigger command began and since the run existed."""
    database = subject.database()
    wait_until(lambda: can_be_triggered(database, dag_id), LISTED_TIMEOUT_S, f"{dag_id} parsed")
    called = time.time()
    subject.airflow("dags", "trigger", "-r", run_id, dag_id)
    wait_until(lambda: run_times(database, dag_id, run_id) is not None, RUN_TIMEOUT_S, f"{dag_id} ended")
    times = run_times(database, dag_id, run_id)
    if times is None or times.state != "success":
        raise BenchError(f"the run of {dag_id} ended as {times.state if times else 'nothing'}")
    return times.ended - called, times.ended - times.queued


@dataclass
class Bench:
    """One run of the benchmark: what is wanted, what was found so far, and what has to be stopped at the end."""

    release: Release
    env: Mapping[str, str]
    work_dir: Path
    wanted: frozenset[str]
    quick: bool
    standalone_wanted: bool
    session: Session
    results: Results = field(default_factory=dict)
    subjects: list[Subject] = field(default_factory=list)
    busy_percents: list[float] = field(default_factory=list)  # what others used of all cores, before each start

    @property
    def samples(self) -> int:
        return 1 if self.quick else SAMPLES

    def measure(self, packages: PythonEnvironment) -> None:
        """Fill `results`. The two sides never run at the same time, but take turns where samples are short."""
        if COLD_ROW in self.wanted:
            with self._row(COLD_ROW, OURS):
                self._cold_up()
        if self.wanted - {COLD_ROW}:
            subjects: list[Subject] = [self._ours("project", self.env)]
            if not self.release.is_at_least(STANDALONE_SINCE):
                say(f"Airflow {self.release.airflow_version} has no `airflow standalone`")
            elif self.standalone_wanted and self.wanted & STANDALONE_ROWS:
                subjects.append(self._standalone(packages))
            self._measure_warm(subjects)

    def _measure_warm(self, subjects: list[Subject]) -> None:
        if "help" in self.wanted:
            for subject in subjects:
                self._help(subject)
        ready = [subject for subject in subjects if self._first_start(subject)]
        if self.wanted & CYCLE_ROWS:
            self._cycles(ready)
        if "second-project" in self.wanted:
            with self._row("second-project", OURS):
                self._second_project()
        for subject in ready:
            if self.wanted & RUNNING_ROWS & (STANDALONE_ROWS if subject.side == STANDALONE else RUNNING_ROWS):
                self._running(subject)

    # What is measured, and on what.

    def _ours(self, name: str, env: Mapping[str, str], *, sample_only: bool = False) -> Ours:
        root_dir = self.work_dir / name
        copy_sample(root_dir, self.release)
        if not sample_only:
            (root_dir / "dags" / f"{HUNDRED_DAG}.py").write_text(HUNDRED_TEXT)
        ours = Ours(root_dir, env, self.release)
        self.subjects.append(ours)
        return ours

    def _standalone(self, packages: PythonEnvironment) -> Standalone:
        home_dir = self.work_dir / "standalone"
        for name in ("dags", "plugins"):
            shutil.copytree(ROOT_DIR / name, home_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
        (home_dir / "dags" / f"{HUNDRED_DAG}.py").write_text(HUNDRED_TEXT)
        standalone = Standalone(home_dir, self.env, self.release, packages)
        self.subjects.append(standalone)
        return standalone

    # The rows.

    def _cold_up(self) -> None:
        caches = {"MWAA_LOCAL_CACHE_DIR": "cold-cache", "UV_CACHE_DIR": "cold-uv-cache"}
        cold_dirs = {name: str(self.work_dir / folder) for name, folder in caches.items()}
        self._fresh_project(COLD_ROW, {**self.env, **cold_dirs})
        for folder in cold_dirs.values():
            shutil.rmtree(folder, ignore_errors=True)

    def _second_project(self) -> None:
        self._fresh_project("second-project", self.env)

    def _fresh_project(self, row: str, env: Mapping[str, str]) -> None:
        ours = self._ours(row, env, sample_only=True)
        try:
            self._add(row, OURS, [self._start(ours)])
        finally:
            ours.discard()
            self.subjects.remove(ours)

    def _first_start(self, subject: Subject) -> bool:
        """Start and stop once, unmeasured, so that all later starts find the same: packages, database, bytecode."""
        rows = self.wanted & (CYCLE_ROWS | RUNNING_ROWS)
        if subject.side == STANDALONE:
            rows &= STANDALONE_ROWS
        if not rows:
            return subject.side == OURS
        say(f"{subject.side}: first start, not measured")
        try:
            subject.start()
            subject.stop()
        except (BenchError, MwaaLocalError) as error:
            subject.discard()
            for row in sorted(rows):
                self._fail(row, subject.side, error)
            return False
        return True

    def _cycles(self, subjects: list[Subject]) -> None:
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(self.samples):
            for subject in [subject for subject in subjects if ("up", subject.side) not in self.results]:
                side = subject.side
                with self._row("up", side):
                    taken.setdefault(("up", side), []).append(self._start(subject))
                if ("up", side) in self.results:  # it failed
                    subject.discard()
                    continue
                with self._row("down", side):
                    taken.setdefault(("down", side), []).append(subject.stop())
        for (row, side), values in taken.items():
            if row in self.wanted and (row, side) not in self.results:
                self._add(row, side, values, forced_note(values) if (row, side) == ("down", STANDALONE) else "")

    def _running(self, subject: Subject) -> None:
        """Measure everything that needs a running Airflow, memory first: nothing has run in it yet."""
        try:
            self._start(subject)
            self._measure_running(subject)
            subject.stop()
        except (BenchError, MwaaLocalError) as error:
            say(f"{subject.side}: {error}")
            rows = self.wanted & RUNNING_ROWS & STANDALONE_ROWS if subject.side == STANDALONE else RUNNING_ROWS
            for row in sorted(rows & self.wanted):
                if (row, subject.side) not in self.results:
                    self._fail(row, subject.side, error)
            subject.discard()

    def _measure_running(self, subject: Subject) -> None:
        if "memory" in self.wanted:
            with self._row("memory", subject.side):
                self._memory(subject)
        if isinstance(subject, Ours):
            self._repeat("status", subject, lambda _: subject.command("status"))
            self._repeat("no-change-up", subject, lambda _: subject.command("up", "--port", "0"))
        self._repeat("airflow-version", subject, lambda _: subject.airflow("version"))
        if "sample" in self.wanted:
            with self._row("sample", subject.side):
                dag_run(subject, SAMPLE_DAG, "bench_warm_up")
                self._dag_runs("sample", subject, SAMPLE_DAG, self.samples)
        if "new-dag" in self.wanted:
            # Standalone looks for new files every 300 s: one sample tells enough.
            self._repeat("new-dag", subject, lambda number: self._new_dag(subject, number), once=subject.side != OURS)
        if "hundred-tasks" in self.wanted:
            with self._row("hundred-tasks", subject.side):
                self._dag_runs("hundred-tasks", subject, HUNDRED_DAG, 1)

    def _memory(self, subject: Subject) -> None:
        time.sleep(IDLE_PAUSE_S)
        megabytes, count = memory_mb(subject.processes())
        self._add("memory", subject.side, [megabytes], f"{subject.side}: {count} processes")

    def _dag_runs(self, row: str, subject: Subject, dag_id: str, count: int) -> None:
        runs = [dag_run(subject, dag_id, f"bench_{number}") for number in range(count)]
        queued_s = statistics.median(since_queued for _, since_queued in runs)
        note = f"{subject.side}: {queued_s:.1f} s since the run was queued"
        self._add(row, subject.side, [since_call for since_call, _ in runs], note)

    def _new_dag(self, subject: Subject, number: int) -> float:
        time.sleep(STAGGER_S * number)
        dag_id = f"bench_new_{number}"
        database = subject.database()
        hidden, path = subject.dags_dir.parent / f"{dag_id}.py", subject.dags_dir / f"{dag_id}.py"
        hidden.write_text(NEW_DAG_TEXT.replace("{dag_id}", dag_id))
        hidden.rename(path)  # whole at once, as editors save
        started = time.monotonic()
        wait_until(lambda: is_listed(database, dag_id), LISTED_TIMEOUT_S, f"{path.name} listed")
        return time.monotonic() - started

    def _help(self, subject: Subject) -> None:
        ask = subject.command if isinstance(subject, Ours) else subject.airflow
        self._repeat("help", subject, lambda _: ask("--help"))

    def _start(self, subject: Subject) -> float:
        """Start it and return the seconds; look first, while nothing of ours runs, how busy others keep the machine."""
        self.busy_percents.append(psutil.cpu_percent(BUSY_LOOK_S))
        return subject.start()

    # Keeping results.

    def _repeat(self, row: str, subject: Subject, once_s: Callable[[int], float], *, once: bool = False) -> None:
        """Measure a short row as often as wanted; `once_s` takes the sample's number and returns seconds."""
        if row in self.wanted:
            with self._row(row, subject.side):
                self._add(row, subject.side, [once_s(number) for number in range(1 if once else self.samples)])

    def _add(self, row: str, side: str, samples: Sequence[float], note: str = "") -> None:
        self.results[row, side] = measurement = Measurement(tuple(samples), note)
        unit = next(known.unit for known in ROWS if known.name == row)
        say(f"{row:<16} {side:<11} {figure(measurement.value, unit):>9}")

    def _fail(self, row: str, side: str, error: Exception) -> None:
        self.results[row, side] = Measurement(failure=str(error))
        say(f"{row:<16} {side:<11}    failed: {error}")

    @contextlib.contextmanager
    def _row(self, row: str, side: str) -> Iterator[None]:
        """Let one row fail without ending the others."""
        try:
            yield
        except (BenchError, MwaaLocalError) as error:
            self._fail(row, side, error)

    def discard(self) -> None:
        """Stop whatever is left running."""
        for subject in self.subjects:
            try:
                subject.discard()
            except (BenchError, MwaaLocalError) as error:
                say(f"could not stop what was started ({subject.side}): {error}")


def forced_note(seconds: Sequence[float]) -> str:
    """Return what to know about stops of `airflow standalone` that did not end by themselves; "" when all did."""
    forced = sum(value >= STOP_TIMEOUT_S for value in seconds)
    if not forced:
        return ""
    return f"{STANDALONE}: {forced} of {len(seconds)} stops had to be killed after {STOP_TIMEOUT_S:.0f} s"


def copy_sample(root_dir: Path, release: Release) -> None:
    """Make a project with the sample's files, at that release."""
    for name in SAMPLE_FOLDERS:
        if (ROOT_DIR / name).is_dir():
            shutil.copytree(ROOT_DIR / name, root_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
    line = f'AirflowVersion: "{release.airflow_version}"'
    text = (ROOT_DIR / ENVIRONMENT_FILE).read_text(encoding="utf-8")
    changed, count = re.subn(r"(?m)^AirflowVersion:.*$", line, text)
    (root_dir / ENVIRONMENT_FILE).write_text(changed if count else f"{line}\n{text}", encoding="utf-8")


# Showing.


def machine_facts(bench: Bench, packages: PythonEnvironment) -> dict[str, str]:
    """Return what makes figures of two machines comparable, by name."""
    facts = {
        "airflow": bench.release.airflow_version,
        "python": packages.python_version,
        "cpu": f"{cpu_model()}, {core_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.1f} GB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.2f} over the last minute, before measuring",
        "loop": f"{float(output_of([str(packages.python_path), '-c', LOOP_CODE], bench.env)):.3f} s, pure Python",
        "samples": "1 each" if bench.quick else f"median of {SAMPLES}, of the long ones 1",
    }
    if bench.session.cache_dir.stat().st_dev != bench.work_dir.stat().st_dev:
        facts["disk"] = f"{bench.work_dir} is not on the cache's disk: files are copied, not linked; set TMPDIR"
    return facts


def others_text(percents: Sequence[float]) -> str:
    """Return how much of the processor others used while nothing of ours ran, and whether that spoils the figures."""
    if not percents:
        return "not looked at: nothing was started"
    worst = max(percents)
    text = f"used {statistics.median(percents):.0f} % of all cores before the starts, at worst {worst:.0f} %"
    spoilt = "; NOT A QUIET MACHINE, the figures are too high" if worst > BUSY_LIMIT_PERCENT else ""
    return text + spoilt


def core_count() -> int:
    """Return how many cores this process may use, which in a container can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown processor"


def figure(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if unit == "MB" or value >= 100 else f"{value:.2f} {unit}"


def cell(measurement: Measurement | None, unit: str) -> str:
    if measurement is None:
        return "-"
    return "failed" if measurement.failure else figure(measurement.value, unit)


def verdict(row: Row, ours: Measurement | None, standalone: Measurement | None) -> str:
    """Return whether the target is met: "yes", "no", or "-" where there is no target or no figure."""
    if row.target is None or ours is None or ours.failure:
        return "-"
    met = ours.value <= row.target
    if row.not_slower_than_standalone and standalone is not None and not standalone.failure:
        met = met and ours.value <= standalone.value
    return "yes" if met else "no"


def target_text(row: Row) -> str:
    if row.target is None:
        return "-"
    also = " and ≤ standalone" if row.not_slower_than_standalone else ""
    return f"≤ {row.target:g} {row.unit}{also}"


def as_table(results: Results) -> str:
    rows = []
    for row in ROWS:
        ours, standalone = results.get((row.name, OURS)), results.get((row.name, STANDALONE))
        if ours is None and standalone is None:
            continue
        notes = "; ".join(side.note for side in (ours, standalone) if side is not None and side.note)
        rows.append(
            (
                row.what,
                cell(ours, row.unit),
                target_text(row),
                verdict(row, ours, standalone),
                cell(standalone, row.unit),
                notes,
            )
        )
    return table(("what", OURS, "target", "met", "airflow standalone", "note"), rows)


def as_plain(facts: Mapping[str, str], results: Results) -> dict[str, Any]:
    """Return everything as JSON values: the machine, and each row with its samples by side."""
    rows = []
    for row in ROWS:
        sides = {side: results[row.name, side] for side in (OURS, STANDALONE) if (row.name, side) in results}
        if sides:
            plain = {
                side: {
                    "value": round(found.value, 3) if found.samples else None,
                    "samples": [round(value, 3) for value in found.samples],
                    "note": found.note,
                    "failure": found.failure,
                }
                for side, found in sides.items()
            }
            rows.append({"name": row.name, "what": row.what, "unit": row.unit, "target": row.target, **plain})
    return {"machine": dict(facts), "rows": rows}


# The command.


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description="Measure speed and memory beside `airflow standalone`.",
        epilog=f"Rows: {', '.join(names)}.",
    )
    parser.add_argument("--release", default=DEFAULT_AIRFLOW_VERSION, help="the Airflow version; default %(default)s")
    parser.add_argument("--only", default=",".join(names), metavar="ROW,ROW", help="measure these rows only")
    parser.add_argument("--quick", action="store_true", help="one sample of each")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--skip-cold", action="store_true", help="leave out what installs all packages anew")
    parser.add_argument("--skip-standalone", action="store_true", help="leave out `airflow standalone`")
    arguments = parser.parse_args(argv)
    arguments.only = frozenset(filter(None, arguments.only.split(",")))
    unknown = sorted(arguments.only - set(names))
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; rows are: {', '.join(names)}")
    return arguments


def measuring_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without what changes figures, finding the package of this checkout."""
    kept = {
        name: value for name, value in env.items() if name in KEPT_VARIABLES or not name.startswith(DROPPED_PREFIXES)
    }
    return {**kept, "PYTHONPATH": str(ROOT_DIR)}


def bench(arguments: argparse.Namespace, work_dir: Path, env: Mapping[str, str]) -> int:
    """Measure, print, return the exit code."""
    release = Release.load(arguments.release)
    project_dir = work_dir / "facts"
    copy_sample(project_dir, release)
    project = Project.find(project_dir)
    session = Session(project, standard(env), ProcessRuntime(project, env), dict(env))
    wanted = arguments.only - ({COLD_ROW} if arguments.skip_cold else set())
    measuring = Bench(release, env, work_dir, wanted, arguments.quick, not arguments.skip_standalone, session)
    # Also makes the caches warm for every row but the cold one, which has its own.
    packages = PackageStore(session.cache_dir, env).base(release, say)
    facts = machine_facts(measuring, packages)
    for name, value in facts.items():
        say(f"{name:<8} {value}")
    try:
        measuring.measure(packages)
    finally:
        with interrupts_ignored():
            measuring.discard()
    facts["others"] = others_text(measuring.busy_percents)
    say(f"others   {facts['others']}")
    if arguments.json:
        print(json.dumps(as_plain(facts, measuring.results), indent=2))
    else:
        print(table(("machine", ""), list(facts.items())))
        print(f"\n{as_table(measuring.results)}")
    failed = any(measurement.failure for measurement in measuring.results.values())
    return FAILED_EXIT_CODE if failed else DONE_EXIT_CODE


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let an impatient second Ctrl-C not stop the stopping."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(argv)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="mwaa-local-bench-", ignore_cleanup_errors=True) as folder:
            return bench(arguments, Path(folder).resolve(), measuring_env(os.environ))
    except MwaaLocalError as error:
        standard(os.environ).show_error(error)
        return error.exit_code
    except BenchError as error:
        say(f"error: {error}")
        return FAILED_EXIT_CODE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED_EXIT_CODE


if __name__ == "__main__":
    sys.exit(main())
