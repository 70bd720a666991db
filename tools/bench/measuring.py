"""Measure the wanted rows, one after the other, on all sides that are there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mwaa_local.errors import MwaaLocalError
from mwaa_local.packages import PythonEnvironment
from mwaa_local.release import Release
from mwaa_local.runtime.compose.engine import Engine
from tools.bench.commands import BenchError
from tools.bench.figures import Figures, say
from tools.bench.images import ColdBuild, image_mb
from tools.bench.rows import (
    COLD_ROWS,
    CYCLE_ROWS,
    DOCKER,
    IMAGE_ROWS,
    PROCESSES,
    RUNNING_ROWS,
    STANDALONE,
    rows_of,
)
from tools.bench.running import measure_running
from tools.bench.sample import HUNDRED_DAG, HUNDRED_TEXT, ROOT_DIR, copy_sample
from tools.bench.standalone import Standalone, forced_note
from tools.bench.subjects import Ours, OursInDocker, Subject

BUSY_LOOK_S = 1.0
OURS_ON = {PROCESSES: Ours, DOCKER: OursInDocker}


@dataclass
class Bench:
    """One run of the benchmark: on which sides, with what, and what has to be stopped at the end."""

    release: Release
    env: Mapping[str, str]
    work_dir: Path
    sides: tuple[str, ...]
    engine: Engine | None  # where DOCKER is one of the sides
    figures: Figures
    subjects: list[Subject | ColdBuild] = field(default_factory=list)
    busy_percents: list[float] = field(default_factory=list)  # what others used of all cores, before each start

    def wanted(self, side: str) -> set[str]:
        """Return the rows that are measured on that side."""
        return rows_of(side, self.figures.wanted) if side in self.sides else set()

    def measure(self, packages: PythonEnvironment) -> None:
        """Fill the figures. No two sides ever run at the same time, but they take turns where samples are short."""
        if self.wanted(PROCESSES) & {"cold-up", "cold-downloads"}:
            with self.figures.row("cold-up", PROCESSES):
                self._cold_up()
        if "image" in self.wanted(DOCKER):
            with self.figures.row("image", DOCKER):
                self._image()
        subjects = [self._subject(side, packages) for side in self.sides if self.wanted(side) - COLD_ROWS]
        for subject in subjects:
            self._help(subject)
        ready = [subject for subject in subjects if self._first_start(subject)]
        if self.figures.wanted & CYCLE_ROWS:
            self._cycles(ready)
        for subject in subjects:
            if "second-project" in self.wanted(subject.side):
                with self.figures.row("second-project", subject.side):
                    seconds = self._fresh_project("second-project", subject.side, self.env)
                    self.figures.add("second-project", subject.side, [seconds])
        for subject in ready:
            if self.wanted(subject.side) & RUNNING_ROWS:
                self._running(subject)

    # What is measured.

    def _subject(self, side: str, packages: PythonEnvironment) -> Subject:
        if side != STANDALONE:
            return self._ours("project", side, self.env, with_hundred=True)
        home_dir = self.work_dir / side
        for name in ("dags", "plugins"):
            shutil.copytree(ROOT_DIR / name, home_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
        (home_dir / "dags" / f"{HUNDRED_DAG}.py").write_text(HUNDRED_TEXT)
        standalone = Standalone(home_dir, self.env, self.release, packages)
        self.subjects.append(standalone)
        return standalone

    def _ours(self, name: str, side: str, env: Mapping[str, str], *, with_hundred: bool = False) -> Ours:
        root_dir = self._copy_sample(f"{name}-{side}")
        if with_hundred:
            (root_dir / "dags" / f"{HUNDRED_DAG}.py").write_text(HUNDRED_TEXT)
        ours = OURS_ON[side](root_dir, env, self.release)
        self.subjects.append(ours)
        return ours

    def _copy_sample(self, name: str) -> Path:
        root_dir = self.work_dir / name
        copy_sample(root_dir, self.release)
        return root_dir

    # The rows that need no running Airflow, or start and stop it.

    def _cold_up(self) -> None:
        caches = {"MWAA_LOCAL_CACHE_DIR": "cold-cache", "UV_CACHE_DIR": "cold-uv-cache"}
        cold_dirs = {name: str(self.work_dir / folder) for name, folder in caches.items()}
        env = {**self.env, **cold_dirs}
        cold_s = self._fresh_project("cold-up", PROCESSES, env)
        self.figures.add("cold-up", PROCESSES, [cold_s])
        if "cold-downloads" in self.wanted(PROCESSES):
            shutil.rmtree(env["MWAA_LOCAL_CACHE_DIR"], ignore_errors=True)
            with self.figures.row("cold-downloads", PROCESSES):
                downloaded_s = self._fresh_project("cold-downloads", PROCESSES, env)
                self.figures.add("cold-downloads", PROCESSES, [cold_s - downloaded_s])
        for folder in cold_dirs.values():
            shutil.rmtree(folder, ignore_errors=True)

    def _help(self, subject: Subject) -> None:
        ask = subject.command if isinstance(subject, Ours) else subject.airflow
        self.figures.repeat("help", subject.side, lambda _: ask("--help"))

    def _image(self) -> None:
        assert self.engine is not None
        build = ColdBuild(self._copy_sample("image"), self.env, self.engine)
        self.subjects.append(build)
        self._look_at_others()
        self.figures.add("image", DOCKER, [build.seconds()])
        build.discard()
        self.subjects.remove(build)

    def _fresh_project(self, name: str, side: str, env: Mapping[str, str]) -> float:
        """Return the seconds of the first start of a project."""
        ours = self._ours(name, side, env)
        try:
            return self._start(ours)
        finally:
            ours.discard()
            self.subjects.remove(ours)

    def _first_start(self, subject: Subject) -> bool:
        """Start and stop once, unmeasured, so that all later starts find the same: packages, database, bytecode, image.

        Return whether it is there to be measured.
        """
        rows = self.wanted(subject.side) & (CYCLE_ROWS | RUNNING_ROWS | IMAGE_ROWS)
        if not rows:
            return False
        say(f"{subject.side}: first start, not measured")
        try:
            subject.start()
            if isinstance(subject, OursInDocker) and self.engine is not None and "image-size" in rows:
                self.figures.add("image-size", DOCKER, [image_mb(subject.files.env_path, self.engine)])
            subject.stop()
        except (BenchError, MwaaLocalError) as error:
            subject.discard()
            self.figures.fail_rest(rows, subject.side, error)
            return False
        return True

    def _cycles(self, subjects: list[Subject]) -> None:
        taken: dict[tuple[str, str], list[float]] = {}
        results = self.figures.results
        for _ in range(self.figures.samples):
            for subject in [subject for subject in subjects if ("up", subject.side) not in results]:
                side = subject.side
                with self.figures.row("up", side):
                    taken.setdefault(("up", side), []).append(self._start(subject))
                if ("up", side) in results:  # it failed
                    subject.discard()
                    continue
                with self.figures.row("down", side):
                    taken.setdefault(("down", side), []).append(subject.stop())
        for (row, side), values in taken.items():
            if row in self.figures.wanted and (row, side) not in results:
                note = forced_note(values) if (row, side) == ("down", STANDALONE) else ""
                self.figures.add(row, side, values, note)

    def _running(self, subject: Subject) -> None:
        try:
            self._start(subject)
            measure_running(self.figures, subject)
            subject.stop()
        except (BenchError, MwaaLocalError) as error:
            say(f"{subject.side}: {error}")
            self.figures.fail_rest(self.wanted(subject.side) & RUNNING_ROWS, subject.side, error)
            subject.discard()

    def _start(self, subject: Subject) -> float:
        self._look_at_others()
        return subject.start()

    def _look_at_others(self) -> None:
        """Look how busy others keep the machine, while nothing of ours runs."""
        self.busy_percents.append(psutil.cpu_percent(BUSY_LOOK_S))

    def discard(self) -> None:
        """Stop whatever is left running, and remove what is not in the folder."""
        for subject in self.subjects:
            try:
                subject.discard()
            except (BenchError, MwaaLocalError) as error:
                say(f"could not remove what was made ({subject.side}): {error}")
