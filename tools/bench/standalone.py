"""`airflow standalone`, with all that is done to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from mwaa_local.packages import PythonEnvironment
from mwaa_local.release import Release
from mwaa_local.runtime.ports import free_port
from tools.bench.commands import INTERRUPT_TIMEOUT_S, BenchError, last_lines, run, start_process, wait_until
from tools.bench.databases import Database, SqliteDatabase
from tools.bench.health import health_signs, wait_healthy
from tools.bench.rows import SLOTS, STANDALONE
from tools.bench.subjects import processes_memory

STOP_TIMEOUT_S = 30.0  # after Ctrl-C; what is left then is killed
# `airflow standalone` came with Airflow 2.2, and cannot be told a port before https://github.com/apache/airflow/pull/20429,
# which the next release that MWAA had, 2.4.3, is newer than.
STANDALONE_SINCE, PORT_CHOICE_SINCE, FIXED_PORT = "2.2.0", "2.3.0", 8080
MARK_VARIABLE = "MWAA_LOCAL_BENCH"


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

    def memory(self) -> tuple[float, str]:
        return processes_memory(self.processes())

    def database(self) -> Database:
        return SqliteDatabase(self._home_dir / "airflow.db")

    def airflow(self, *words: str) -> float:
        return run(self._argv(*words), self._home_dir, self._env)

    def _argv(self, *words: str) -> list[str]:
        return [*self._release.airflow_argv(str(self._packages.python_path)), *words]


def check_port(port: int) -> None:
    """Raise BenchError when somebody listens there: their health page would be taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BenchError(f"port {port}, which `airflow standalone` needs, is in use") from error


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


def forced_note(seconds: Sequence[float]) -> str:
    """Return what to know about stops that did not end by themselves; "" when all did."""
    forced = sum(value >= STOP_TIMEOUT_S for value in seconds)
    if not forced:
        return ""
    return f"{STANDALONE}: {forced} of {len(seconds)} stops had to be killed after {STOP_TIMEOUT_S:.0f} s"
