"""Try one release in one runtime: install, compare, start, look, run a DAG, stop, start again, and leave nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mwaa_local.errors import MwaaLocalError
from mwaa_local.files import remove_tree
from mwaa_local.flock import take
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.exactness import differences, listing_of
from tools.bench.commands import BenchError
from tools.bench.sample import ROOT_DIR
from tools.release_matrix.cells import (
    CLEAN,
    COLUMNS,
    DAG,
    EXACT,
    HEALTHY,
    INSTALLS,
    NO,
    NOT_REACHED,
    YES,
    Cell,
    Failure,
    Tree,
)
from tools.release_matrix.command import CellError, Ended, MwaaLocal, end_commands, failure_of, step_seconds
from tools.release_matrix.folders import work_dir
from tools.release_matrix.places import INSTALL_STEP, PlaceOfCell, place_of
from tools.release_matrix.web import see_dag

DAG_ID = "tiny"
DAG_PATH = ROOT_DIR / "tests" / "integration" / "dags" / f"{DAG_ID}.py"  # in words that every release understands
HEALTHY_TIMEOUT_S = 300.0
SAID = "said"  # by its second task, in its log
LISTING_TRIES = 3  # seen once on a machine at ten times its load: the engine lost what a command had said
SHOWN_DIFFERENCES = 5
# Of a worker that takes a task: of Celery, or of the executor where that is hidden or said in other words.
WORKER_SIGNS = ("eceived task", "in Celery: ")
FAILURES = (CellError, BenchError, MwaaLocalError, OSError, ValueError, LookupError)


@dataclass
class Found:
    """What a cell's steps have found so far."""

    columns: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COLUMNS, NOT_REACHED))
    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def column(self, name: str) -> Iterator[None]:
        """Let one column become red without ending the cell; one that is red already stays so."""
        try:
            yield
        except FAILURES as error:
            self.fail(name, error)
        else:
            if self.columns[name] == NOT_REACHED:
                self.columns[name] = YES

    def fail(self, name: str, error: Exception) -> None:
        self.columns[name] = NO
        what = getattr(error, "what", "") or next(iter(str(error).splitlines()), "") or type(error).__name__
        self.failures.append(Failure(name, what, getattr(error, "hint", "")))

    def time(self, name: str, ended: Ended) -> None:
        self.seconds[name] = round(ended.elapsed_s, 1)


@dataclass(frozen=True)
class Trial:
    """One cell being tried, in its own project, by the command line."""

    release: Release
    runtime: str
    product: MwaaLocal
    place: PlaceOfCell
    found: Found = field(default_factory=Found)

    def run(self) -> None:
        with self.found.column(INSTALLS):
            self.found.seconds["install"] = round(self.place.install(), 1)
            self.found.notes += self.place.notes()
        if self.found.columns[INSTALLS] == NO or not self._first_up():
            return
        with self.found.column(EXACT):
            self._compare()
        with self.found.column(HEALTHY):
            self._look()
        with self.found.column(DAG):
            self._run_dag()
        self._measure()
        with self.found.column(CLEAN):
            self._stop_and_start_again()

    def _first_up(self) -> bool:
        ended = self.product.run("up", "--port", "0")
        before_s, within_s = self.found.seconds["install"], step_seconds(ended.stderr, INSTALL_STEP[self.runtime])
        self.found.seconds["install"] = round(before_s + within_s, 1)
        self.found.seconds["first_up"] = round(before_s + ended.elapsed_s, 1)
        if ended.exit_code != 0:
            self._blame_up(ended, installed=bool(before_s or within_s))
        return ended.exit_code == 0

    def _blame_up(self, ended: Ended, *, installed: bool) -> None:
        """A start that failed after its packages were there is one of components."""
        self.found.fail(HEALTHY if installed else INSTALLS, failure_of(ended))

    def _compare(self) -> None:
        lines = self._differences(LISTING_TRIES)
        if lines:
            more = f" and {len(lines) - SHOWN_DIFFERENCES} more" if len(lines) > SHOWN_DIFFERENCES else ""
            raise CellError(f"{'; '.join(lines[:SHOWN_DIFFERENCES])}{more}")

    def _differences(self, tries: int) -> list[str]:
        try:
            return differences(self.release, listing_of(self.place.python_argv()))
        except (AssertionError, LookupError) as error:
            if tries > 1:
                return self._differences(tries - 1)
            raise CellError(f"packages cannot be listed: {error}") from error

    def _look(self) -> None:
        status = self._healthy_status()
        if status["airflow_version"] != self.release.airflow_version:
            raise CellError(f"Airflow {status['airflow_version']} runs")
        if status["import_errors"]:
            raise CellError(f"a DAG cannot be imported: {status['import_errors'][0]['error'].splitlines()[-1]}")
        see_dag(status["url"], self.release, DAG_ID)

    def _healthy_status(self) -> dict[str, Any]:
        """Return what `status` says once it says that all is well, as `up` did; busy machines need another look."""
        deadline = time.monotonic() + HEALTHY_TIMEOUT_S
        while True:
            status = self.product.run("status", "--json").json()
            if status.get("healthy"):
                return dict(status)
            if time.monotonic() > deadline:
                states = [f"{item['name']} {item['state']} {item['detail']}".strip() for item in status["components"]]
                raise CellError(f"`status` does not call it healthy: {'; '.join(states)}")

    def _run_dag(self) -> None:
        ended = self.product.must("up", "--port", "0", "--run", DAG_ID)
        self.found.time("dag", ended)
        told = self.product.must("logs", "worker").stdout
        if not any(sign in told for sign in WORKER_SIGNS):
            raise CellError("the DAG run succeeded, but no worker says that it received a task")
        if SAID not in self.product.must("logs", "--group", "Task").stdout:
            raise CellError("the DAG run succeeded, but its log does not have what the task printed")

    def _measure(self) -> None:
        with contextlib.suppress(*FAILURES):  # a figure that is missing is no failure
            self.found.megabytes["memory"] = round(self.place.memory_mb())
        with contextlib.suppress(*FAILURES):
            self.found.megabytes["disk"] = round(self.place.disk_mb())

    def _stop_and_start_again(self) -> None:
        self.found.time("down", self.product.must("down"))
        if left := self.place.left_running():
            raise CellError(f"`down` left {', '.join(left)}")
        with self.found.column(HEALTHY):
            self.found.time("warm_up", self.product.must("up", "--port", "0"))
            self._look()
            self.place.memory_mb()  # so that its processes are known
        self.product.must("down", "--volumes")
        if left := self.place.left_at_all():
            raise CellError(f"`down --volumes` left {', '.join(left)}")


def try_cell(version: str, runtime: str, tree: Tree, env: Mapping[str, str]) -> Cell | None:
    """Try one cell; return what was found, or None where another run is trying it. Leaves nothing, whatever happens."""
    folder = work_dir() / f"{version}-{runtime}"
    lock = take(folder.with_name(f"{folder.name}.lock"))
    if lock is None:
        return None
    try:
        load, began = os.getloadavg()[0], datetime.now(UTC)
        trial = _lay_out(folder, version, runtime, env)
        try:
            trial.run()
        finally:
            _tidy(trial, folder)
    finally:
        os.close(lock)
    found = trial.found
    return Cell(
        version,
        runtime,
        tree,
        f"{began:%Y-%m-%d %H:%M}",
        round(load, 1),
        os.cpu_count() or 1,
        found.columns,
        found.seconds,
        found.megabytes,
        tuple(found.failures),
        tuple(found.notes),
    )


def _lay_out(folder: Path, version: str, runtime: str, env: Mapping[str, str]) -> Trial:
    """Make the cell's project; end and remove first what a run that was killed has left of one."""
    cache_dir, root_dir = folder / "cache", folder / "project"
    log_path = folder.with_name(f"{folder.name}.log")
    own = {**env, "MWAA_LOCAL_RUNTIME": runtime, "MWAA_LOCAL_CACHE_DIR": str(cache_dir), "NO_COLOR": "1"}
    product = MwaaLocal(root_dir, own, log_path)
    log_path.unlink(missing_ok=True)
    if root_dir.is_dir():
        end_commands(root_dir)
        _end(product)
        remove_tree(folder)
    (root_dir / "dags").mkdir(parents=True)
    (root_dir / "mwaa.yaml").write_text(f'AirflowVersion: "{version}"\n')
    shutil.copy(DAG_PATH, root_dir / "dags")
    release = Release.load(version)
    place = place_of(runtime, Project.find(root_dir), release, product, cache_dir)
    return Trial(release, runtime, product, place)


def _tidy(trial: Trial, folder: Path) -> None:
    steps: tuple[Callable[[], object], ...] = (
        lambda: _end(trial.product),
        trial.place.remove,
        lambda: remove_tree(folder),
    )
    for step in steps:
        try:
            step()
        except FAILURES as error:
            trial.found.notes.append(f"could not be tidied away: {error}")


def _end(product: MwaaLocal) -> None:
    product.run("down", "--now", "--volumes")
    product.run("api", "--stop")
