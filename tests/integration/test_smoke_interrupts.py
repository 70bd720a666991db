"""`mwaa-local smoke` that a signal ends, in each of its phases: the reports are written, and nothing is left behind.

Ctrl-C is what a terminal makes of it, a signal to the command and to whatever it has started in the same process group;
SIGTERM and SIGHUP go to the command alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.stored import PROJECT_LABEL
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.state import STATE_NAME
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME
from mwaa_local.workspace import LOCK_NAME
from tests.conftest import COMMAND, ProjectRunner
from tests.docker_environments import containers_of, docker, removed_at_the_end
from tests.environments import LATEST, TEST_DAGS_DIR, alive, stopped_at_the_end, wait_until

pytestmark = pytest.mark.network

PHASES = ("check", "up", "import", "run", "report", "down")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SLOW = "import time\ntime.sleep(200)  # airflow DAG\nwith DAG('never'):\n    pass\n"
SLOW_ALLOWED = {"core.dagbag_import_timeout": "250", "dag_processor.dag_file_processor_timeout": "250"}
# Its run needs neither broker nor worker: the scheduler says of such a task that it has succeeded.
EMPTY = """from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("empty", schedule=None):
    EmptyOperator(task_id="only")
"""
END_TIMEOUT_S = 200.0
STILL_S = 0.4  # a command that uses no processor time for so long waits for somebody's answer


@dataclass
class Smoke:
    """One smoke run that goes on. `processes` and `ports` are those of its environment when a signal was last sent."""

    runner: ProjectRunner
    process: subprocess.Popen[str]
    said: list[str]
    processes: list[psutil.Process]
    ports: list[int]

    @property
    def project(self) -> Project:
        return Project(self.runner.root_dir.resolve())

    @property
    def runtime(self) -> ProcessRuntime:
        return ProcessRuntime(self.project, self.runner.env)

    def wait_for(self, line: str) -> None:
        """Read its progress up to this line, however many blanks are in it."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self.said.append(text)
            if line in " ".join(text.split()):
                return
        pytest.fail(f"it never said {line!r}:\n{''.join(self.said)}")

    def wait_until_still(self) -> None:
        """Wait until the command waits for somebody's answer."""
        process = psutil.Process(self.process.pid)
        before = process.cpu_times()

        def is_still() -> bool:
            nonlocal before
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STILL_S)
                pytest.fail(f"it ended early:\n{''.join(self.said)}")
            before, last = process.cpu_times(), before
            return before == last

        wait_until(is_still, 20, "the command waits")

    def asks_database(self) -> bool:
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        plan = self.runtime.running_plan()
        assert plan is not None
        return any(item.raddr and item.raddr.port == plan.ports["postgres"] for item in connections)

    def send(self, number: signal.Signals) -> None:
        if number is signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def look_at_environment(self) -> None:
        self.processes = self.runtime.processes()
        plan = self.runtime.running_plan()
        self.ports = list(plan.ports.values()) if plan else []

    def freeze(self, component: str) -> None:
        [pid] = [status.pid for status in self.runtime.status() if status.name == component]
        assert pid is not None
        psutil.Process(pid).suspend()

    def end(self, timeout_s: float = END_TIMEOUT_S) -> dict[str, Any]:
        """Return the report of JSON once the command has ended."""
        stdout, stderr = self.process.communicate(timeout=timeout_s)
        self.said.append(stderr)
        assert stdout, self.stderr
        report = json.loads(stdout)
        assert isinstance(report, dict)
        return report

    @property
    def stderr(self) -> str:
        return "".join(self.said)


@contextlib.contextmanager
def smoking(runner: ProjectRunner, *words: str) -> Iterator[Smoke]:
    """Begin a smoke run with every report there is, in a process group of its own as a shell does it."""
    for name in ("smoke.xml", "artifacts/smoke.json"):
        (runner.root_dir / name).unlink(missing_ok=True)
    process = subprocess.Popen(
        [*COMMAND, "smoke", *words, "--json", "--junit", "smoke.xml", "--artifacts", "artifacts"],
        cwd=runner.root_dir,
        env=dict(runner.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        start_new_session=True,
    )
    try:
        yield Smoke(runner, process, [], [], [])
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def states(report: dict[str, Any]) -> dict[str, str]:
    return {phase["name"]: phase["state"] for phase in report["phases"]}


def assert_all_reports_say_so(smoke: Smoke, report: dict[str, Any], *numbers: signal.Signals) -> None:
    """That the run was interrupted, by one of these signals."""
    assert smoke.process.returncode in [CODES[number] for number in numbers], smoke.stderr
    assert report["exit_code"] == smoke.process.returncode
    assert report["outcome"] == "interrupted"
    assert "Traceback" not in smoke.stderr
    assert json.loads((smoke.runner.root_dir / "artifacts" / "smoke.json").read_text()) == report
    assert "smoke: interrupted after" in (smoke.runner.root_dir / "artifacts" / "smoke.txt").read_text()
    cases = ET.parse(smoke.runner.root_dir / "smoke.xml").getroot().iter("testcase")
    errors = [error.get("message") for case in cases for error in case.iter("error")]
    assert errors == ["interrupted"]


def assert_nothing_is_left(smoke: Smoke) -> None:
    """No process, by three signs; no port, no lock, no file that says that something runs, no temporary file."""
    runtime, run_dir = smoke.runtime, smoke.project.run_dir
    assert not runtime.running
    wait_until(lambda: not runtime.leftovers(), 5, "the end of all processes that carry our mark")
    assert alive(smoke.processes) == []
    assert processes_about(smoke.project.root_dir) == []
    assert [port for port in smoke.ports if is_answered(port)] == []
    with (run_dir / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert {path.name for path in run_dir.iterdir()} & {STATE_NAME, SOCKET_NAME} == set()
    assert list(Path(smoke.runner.env["TMPDIR"]).iterdir()) == []
    assert not smoke.project.temporary_dir.exists()
    assert list(smoke.runner.root_dir.glob("dags/**/__pycache__")) == []


def processes_about(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in the folder, or whose words or variables name it."""

    def is_about(process: psutil.Process) -> bool:
        signs: Sequence[Callable[[], str]] = (
            process.cwd,
            lambda: " ".join(process.cmdline()),
            lambda: " ".join(process.environ().values()),
        )
        for sign in signs:
            with contextlib.suppress(psutil.Error, OSError):
                if str(folder) in sign():
                    return True
        return False

    return alive([process for process in psutil.process_iter() if is_about(process)])


def is_answered(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def files() -> dict[str, str]:
    """Return a project with DAGs that hang, and one that is over at once."""
    return {
        "mwaa.yaml": json.dumps({"AirflowVersion": LATEST, "AirflowConfigurationOptions": SLOW_ALLOWED}),
        "dags/smoke_cases.py": (TEST_DAGS_DIR / "smoke_cases.py").read_text(),
        "dags/empty.py": EMPTY,
    }


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRunner]:
    """A project of `files`, whose TMPDIR is a folder of its own."""
    folder = tmp_path_factory.mktemp("interrupts")
    (folder / "tmp").mkdir()
    with stopped_at_the_end(folder) as made:
        runner = replace(made, env={**made.env, "TMPDIR": str(folder / "tmp")})
        runner.write(files())
        yield runner


@pytest.mark.parametrize(
    ("phase", "words", "line", "numbers"),
    [
        pytest.param("check", (), "environment file ok", (signal.SIGINT,), id="check, Ctrl-C"),
        pytest.param(
            "check", (), "environment file ok", (signal.SIGHUP,), id="check, terminal gone", marks=pytest.mark.full
        ),
        pytest.param("up", ("--no-check",), "redis ready", (signal.SIGTERM,), id="up, SIGTERM", marks=pytest.mark.full),
        pytest.param(
            "up",
            ("--no-check",),
            "postgres ready",
            (signal.SIGINT, signal.SIGINT),
            id="up, Ctrl-C twice",
            marks=pytest.mark.full,
        ),
        pytest.param(
            "run",
            ("--no-check",),
            "hangs was triggered",
            (signal.SIGTERM, signal.SIGINT),
            id="run, SIGTERM and Ctrl-C",
            marks=pytest.mark.full,
        ),
    ],
)
def test_signal_leaves_reports_and_nothing_else(
    runner: ProjectRunner, phase: str, words: tuple[str, ...], line: str, numbers: tuple[signal.Signals, ...]
) -> None:
    with smoking(runner, "hangs", *words) as smoke:
        smoke.wait_for(line)
        smoke.look_at_environment()
        for number in numbers:
            smoke.send(number)
        report = smoke.end()
    assert_all_reports_say_so(smoke, report, *numbers)
    assert states(report)[phase] == "interrupted"
    assert [states(report)[name] for name in PHASES[PHASES.index(phase) + 1 : -2]] == ["left out"] * (
        3 - PHASES.index(phase)
    )
    assert states(report)["down"] == ("left out" if phase == "check" else "done")
    assert [run["state"] for run in report["runs"]] == (["interrupted"] if phase == "run" else [])
    assert_nothing_is_left(smoke)


@pytest.mark.full
def test_ctrl_c_in_the_import_phase(runner: ProjectRunner) -> None:
    runner.write({"dags/slow.py": SLOW})
    try:
        with smoking(runner, "hangs", "--no-check") as smoke:
            smoke.wait_for("up done")
            smoke.look_at_environment()
            wait_until(smoke.asks_database, 20, "the command looks for DAGs")
            smoke.send(signal.SIGINT)
            report = smoke.end()
    finally:
        (runner.root_dir / "dags" / "slow.py").unlink()
    assert_all_reports_say_so(smoke, report, signal.SIGINT)
    assert (states(report)["import"], states(report)["run"], states(report)["down"]) == (
        "interrupted",
        "left out",
        "done",
    )
    assert_nothing_is_left(smoke)


@pytest.mark.full
def test_ctrl_c_in_the_report_phase(runner: ProjectRunner) -> None:
    """Which takes long where the broker does not say what is queued."""
    with smoking(runner, "empty", "--no-check") as smoke:
        smoke.wait_for("import done")
        smoke.freeze("redis")
        smoke.wait_for("run done")
        smoke.wait_until_still()
        smoke.look_at_environment()
        smoke.send(signal.SIGINT)
        report = smoke.end()
    assert_all_reports_say_so(smoke, report, signal.SIGINT)
    assert states(report) == {
        "check": "left out",
        **dict.fromkeys(("up", "import", "run", "down"), "done"),
        "report": "interrupted",
    }
    assert [run["state"] for run in report["runs"]] == ["success"]
    assert_nothing_is_left(smoke)


@pytest.mark.full
def test_impatient_ctrl_c_in_the_down_phase(runner: ProjectRunner) -> None:
    """Which takes as long as the supervisor, frozen here, takes to end all components."""
    with smoking(runner, "empty", "--no-check") as smoke:
        smoke.wait_for("run done")
        smoke.look_at_environment()
        smoke.wait_for("report done")
        supervisor = smoke.processes[0]
        supervisor.suspend()
        smoke.wait_until_still()
        for _ in range(2):
            smoke.send(signal.SIGINT)
            smoke.wait_until_still()
        assert alive(smoke.processes)
        supervisor.resume()
        report = smoke.end()
    assert_all_reports_say_so(smoke, report, signal.SIGINT)
    assert states(report) == {"check": "left out", **dict.fromkeys(PHASES[1:], "done")}
    assert [run["state"] for run in report["runs"]] == ["success"]
    assert_nothing_is_left(smoke)


@pytest.fixture(scope="module")
def docker_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRunner]:
    with removed_at_the_end(tmp_path_factory.mktemp("interrupts")) as runner:
        runner.write(files())
        yield runner


def removals(smoke: Smoke) -> list[psutil.Process]:
    """Return what the command has started to remove containers, as far as it goes on."""
    found = []
    for process in psutil.Process(smoke.process.pid).children():
        with contextlib.suppress(psutil.Error):
            if "down" in process.cmdline():
                found.append(process)
    return found


def assert_no_container_is_left(project: Project) -> None:
    assert containers_of(project) == []
    label = f"label={PROJECT_LABEL}={compose_name(project)}"
    assert docker("network", "ls", "--quiet", "--filter", label) == ""
    assert processes_about(project.root_dir) == []


@pytest.mark.full
@pytest.mark.docker
def test_ctrl_c_while_containers_start(docker_runner: ProjectRunner) -> None:
    with smoking(docker_runner, "hangs", "--no-check") as smoke:
        smoke.wait_for("postgres ready")
        smoke.send(signal.SIGINT)
        report = smoke.end()
    assert_all_reports_say_so(smoke, report, signal.SIGINT)
    assert states(report)["up"] == "interrupted"
    assert_no_container_is_left(smoke.project)


@pytest.mark.full
@pytest.mark.docker
def test_sigterm_and_ctrl_c_while_containers_are_removed(docker_runner: ProjectRunner) -> None:
    with smoking(docker_runner, "empty", "--no-check") as smoke:
        smoke.wait_for("report done")
        removal = wait_until(lambda: removals(smoke), 30, "containers are removed")
        for process in removal:
            process.suspend()
        smoke.send(signal.SIGTERM)
        smoke.wait_until_still()  # of two signals that wait at the same time, Python takes the lower number first
        smoke.send(signal.SIGINT)
        for process in removal:
            process.resume()
        report = smoke.end()
    assert_all_reports_say_so(smoke, report, signal.SIGTERM)
    assert states(report) == {"check": "left out", **dict.fromkeys(PHASES[1:], "done")}
    assert_no_container_is_left(smoke.project)
