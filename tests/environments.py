"""What tests ask of a real running environment, and how a project for one is laid out."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg2
import pytest
import yaml

from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.web_address import WebAddress
from tests.conftest import REPOSITORY_DIR, Outcome, ProjectRunner, make_clean_env

T = TypeVar("T")

LATEST = "3.3.1"
GENERATIONS = (LATEST, "2.10.3", "2.2.2")
# For parametrized tests: the newest release in every run, the older ones where all tests run.
EACH_GENERATION = (LATEST, *(pytest.param(version, marks=pytest.mark.full) for version in GENERATIONS[1:]))
# All that MWAA ever had.
EVERY_RELEASE = (
    LATEST,
    *(pytest.param(version, marks=pytest.mark.full) for version in Release.versions()[::-1] if version != LATEST),
)
LONG_RUN_ID = "long_run"
SAMPLE_DAG = "hello_mwaa"
SAMPLE_FOLDERS = ("dags", "plugins", "requirements", "startup")
SAMPLE_TEST_DAGS = ("probe", "queues", "long_task")
TEST_DAGS_DIR = Path(__file__).parent / "integration" / "dags"
POLL_PAUSE_S = 0.2
# Thirty times what a run takes on a quiet machine; beside other tests, runs in containers took more than 120 s.
RUN_TIMEOUT_S = 300.0
RESET_TIMEOUT_S = 300.0
# `up` itself waits no longer than it has to; packages alone took 140 s on a machine with twenty times its load.
START_TIMEOUT_S = 1200.0
DAG_KNOWN_TIMEOUT_S = 60.0
MESSAGE_TIMEOUT_S = 60.0  # a worker notes the end of a message after that of its task
FINAL_STATES = ("success", "failed")


@dataclass
class RunningEnvironment:
    """One started environment: its project, its release, and how the `up` ended that started it."""

    runner: ProjectRunner
    release: Release
    started: Outcome
    files: Mapping[str, str] = field(default_factory=dict)  # what `reset` brings back

    @property
    def root_dir(self) -> Path:
        return self.runner.root_dir

    @property
    def airflow_home_dir(self) -> Path:
        """What components share of their Airflow homes."""
        return self.project.airflow_home_dir

    @property
    def worker_home_dir(self) -> Path:
        """What tasks see as their Airflow home."""
        plan = self.plan()
        return Path(plan.homes_dir) / "worker.1" if plan.homes_dir else self.airflow_home_dir

    @property
    def project(self) -> Project:
        return Project(self.root_dir.resolve())

    @property
    def runtime(self) -> Runtime:
        """The one in which it runs."""
        return existing_runtime(self.project, self.runner.env)

    def plan(self) -> Plan:
        plan = self.runtime.running_plan()
        assert plan is not None, "the environment does not run"
        return plan

    def url(self) -> str:
        address = WebAddress.of(self.plan())
        assert address is not None
        return address.url

    def run(self, *words: str, timeout_s: float = RUN_TIMEOUT_S, stdin: str = "") -> Outcome:
        return self.runner.run(*words, timeout_s=timeout_s, stdin=stdin)

    def status(self) -> dict[str, Any]:
        plain = json.loads(self.run("status", "--json").stdout)
        assert isinstance(plain, dict)
        return plain

    def pids(self) -> dict[str, int | None]:
        return {item.name: item.pid for item in self.runtime.status()}

    def processes(self) -> list[psutil.Process]:
        return ProcessRuntime(self.project, self.runner.env).processes()

    def read(self, name: str) -> str:
        """Return a file that a task wrote into its Airflow home."""
        shared = self.airflow_home_dir if name.startswith("logs/") else self.worker_home_dir
        return (shared / name).read_text()

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows that the metadata database gives."""
        with contextlib.closing(psycopg2.connect(self.plan().database_url)) as connection, connection.cursor() as rows:
            rows.execute(query, values)
            return list(rows.fetchall())

    def wait_for_messages(self, count: int) -> None:
        """Wait until workers have ended just so many messages of the queue well, as Celery notes in the database."""

        def ended() -> bool:
            return self.query("SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'") == [(count,)]

        wait_until(ended, MESSAGE_TIMEOUT_S, f"{count} messages that a worker has ended")

    def trigger(self, dag_id: str, run_id: str) -> None:
        """Trigger a DAG run once the DAG is known."""
        wait_until(
            lambda: self.query("SELECT 1 FROM serialized_dag WHERE dag_id = %s", dag_id),
            60,
            f"the DAG {dag_id} is known",
        )
        outcome = self.run("airflow", "dags", "trigger", "-r", run_id, dag_id)
        assert outcome.exit_code == 0, outcome.stderr

    def run_state(self, dag_id: str, run_id: str) -> str:
        rows = self.query("SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", dag_id, run_id)
        return str(rows[0][0]) if rows else ""

    def wait_for_run(self, dag_id: str, run_id: str, timeout_s: float = RUN_TIMEOUT_S) -> str:
        """Return the state in which the DAG run ended; of one that does not end, say how far it and its tasks came."""

        def state() -> str:
            found = self.run_state(dag_id, run_id)
            return found if found in FINAL_STATES else ""

        try:
            return wait_until(state, timeout_s, f"the end of {dag_id} {run_id}")
        except AssertionError as error:
            tasks = self.query("SELECT task_id, state FROM task_instance WHERE run_id = %s", run_id)
            raise AssertionError(f"{error}; the run is {self.run_state(dag_id, run_id)}, its tasks {tasks}") from error

    def wait_until_healthy(self, timeout_s: float = 90.0) -> dict[str, Any]:
        def healthy() -> dict[str, Any] | None:
            status = self.status()
            return status if status.get("healthy") else None

        return wait_until(healthy, timeout_s, "a healthy environment")

    def reset(self) -> None:
        """Bring back the files of the first start, and what runs with them: healthy, the sample DAG once successful.

        Costs a look where nothing was changed, and about as much as a start where Airflow has to be restarted. The port
        may be another one. DAG runs of other tests stay.
        """
        changed = {name: text for name, text in self.files.items() if self._text(name) != text}
        added = [path for path in self._sample_paths() if str(path.relative_to(self.root_dir)) not in self.files]
        self.runner.write(changed)
        for path in added:
            path.unlink()
        if changed or added or not self.runtime.running or self.url() not in self.started.stderr:
            self._up()
        if not self.query("SELECT 1 FROM dag_run WHERE dag_id = %s AND state = 'success'", SAMPLE_DAG):
            self._up("--run", SAMPLE_DAG)
        self.wait_until_healthy()

    def _up(self, *words: str) -> None:
        self.started = self.run("up", "--port", "0", *words, timeout_s=RESET_TIMEOUT_S)
        assert self.started.exit_code == 0, self.started.stderr

    def _text(self, name: str) -> str:
        path = self.root_dir / name
        return path.read_text() if path.is_file() else ""

    def _sample_paths(self) -> list[Path]:
        found = [path for folder in SAMPLE_FOLDERS for path in (self.root_dir / folder).rglob("*")]
        return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def wait_until(check: Callable[[], T | None], timeout_s: float, what: str) -> T:
    """Return the first true answer of `check`."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s, last seen: {answer!r}"
        time.sleep(POLL_PAUSE_S)


def sample_files(version: str, extra_dags: tuple[str, ...] = ()) -> dict[str, str]:
    """Return {path: text} of the repository's own sample project for a release, with DAGs of the tests beside it."""
    files = {
        str(path.relative_to(REPOSITORY_DIR)): path.read_text()
        for folder in SAMPLE_FOLDERS
        for path in sorted((REPOSITORY_DIR / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    settings = (REPOSITORY_DIR / "mwaa.yaml").read_text()
    files["mwaa.yaml"], replaced = re.subn(
        r'^AirflowVersion: "[^"]*"', f'AirflowVersion: "{version}"', settings, flags=re.M
    )
    assert replaced == 1, "the sample mwaa.yaml names its AirflowVersion another way"
    return files | {f"dags/{name}.py": (TEST_DAGS_DIR / f"{name}.py").read_text() for name in extra_dags}


def plain_files(version: str = LATEST, **members: object) -> dict[str, str]:
    """Return a project with nothing in it but one small DAG."""
    settings = {"AirflowVersion": version, **members}
    return {"mwaa.yaml": json.dumps(settings), "dags/queues.py": (TEST_DAGS_DIR / "queues.py").read_text()}


def tiny_files(version: str, **members: object) -> dict[str, str]:
    """Return a project with one small DAG in the words of all releases, `tiny`."""
    settings = json.dumps({"AirflowVersion": version, **members})
    dag = (TEST_DAGS_DIR / "tiny.py").read_text()
    return {"mwaa.yaml": settings, "dags/tiny.py": dag, "requirements/requirements.txt": ""}


def with_settings(text: str, **members: Mapping[str, object] | int) -> str:
    """Return the text of an environment file with these members, those that are groups in the groups that are there."""
    settings = yaml.safe_load(text)
    for name, value in members.items():
        settings[name] = {**(settings.get(name) or {}), **value} if isinstance(value, Mapping) else value
    return yaml.safe_dump(settings)


def start(runner: ProjectRunner, version: str = LATEST, *words: str) -> RunningEnvironment:
    """Start the project's environment on a free port."""
    outcome = runner.run("up", "--port", "0", *words, timeout_s=START_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    return RunningEnvironment(runner, Release.load(version), outcome)


@contextlib.contextmanager
def running_sample(folder: Path, version: str) -> Iterator[RunningEnvironment]:
    """Run the sample project of a release, its own DAG included, and stop it at the end."""
    with stopped_at_the_end(folder) as runner:
        files = sample_files(version, SAMPLE_TEST_DAGS)
        runner.write(files)
        yield replace(start(runner, version, "--run", SAMPLE_DAG), files=files)


@contextlib.contextmanager
def stopped_at_the_end(folder: Path, name: str = "project") -> Iterator[ProjectRunner]:
    """Give an empty project with a HOME of its own; stop what runs in it and remove it at the end."""
    home_dir = folder / "home"
    home_dir.mkdir()
    runner = ProjectRunner(folder / name, make_clean_env(home_dir))
    runner.root_dir.mkdir(parents=True)
    try:
        yield runner
    finally:
        runner.run("down", "--now")
        shutil.rmtree(runner.root_dir, ignore_errors=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run; one that ended and awaits its parent does not."""

    def lives(process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    return [process for process in processes if lives(process)]
