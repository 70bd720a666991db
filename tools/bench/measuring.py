"""Measure the wanted rows, one after the other, and keep what was found."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mwaa_local.cli.session import Session
from mwaa_local.errors import MwaaLocalError
from mwaa_local.packages import PythonEnvironment
from mwaa_local.release import Release
from tools.bench.commands import BenchError, wait_until
from tools.bench.databases import can_be_triggered, is_listed, run_times
from tools.bench.rows import (
    COLD_ROW,
    CYCLE_ROWS,
    OURS,
    ROWS,
    RUNNING_ROWS,
    STANDALONE,
    STANDALONE_ROWS,
    Measurement,
    Results,
    figure,
)
from tools.bench.sample import HUNDRED_DAG, HUNDRED_TEXT, NEW_DAG_TEXT, ROOT_DIR, SAMPLE_DAG, copy_sample
from tools.bench.subjects import STANDALONE_SINCE, STOP_TIMEOUT_S, Ours, Standalone, Subject

SAMPLES = 3
IDLE_PAUSE_S = 20.0  # between ready and measuring memory
STAGGER_S = 1.3  # between new DAG files, so that not every one just misses the same look into the folder
LISTED_TIMEOUT_S = 400.0  # Airflow's own interval between looks for new files is 300 s
RUN_TIMEOUT_S = 900.0
BUSY_LOOK_S = 1.0
MEGABYTE = 10**6


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
