"""The rows that need a running Airflow, memory first: nothing has run in it yet."""

from __future__ import annotations

import statistics
import time

from tools.bench.dag_runs import dag_run, new_dag
from tools.bench.figures import Figures
from tools.bench.requirements_change import requirements_change
from tools.bench.rows import STANDALONE
from tools.bench.sample import HUNDRED_DAG, SAMPLE_DAG
from tools.bench.subjects import Ours, OursInDocker, Subject

IDLE_PAUSE_S = 20.0  # between ready and measuring memory
STAGGER_S = 1.3  # between new DAG files, so that not every one just misses the same look into the folder


def measure_running(figures: Figures, subject: Subject) -> None:
    """Measure those that are wanted and that this side has."""
    side = subject.side
    if figures.wants("memory", side):
        with figures.row("memory", side):
            _memory(figures, subject)
    if isinstance(subject, Ours):
        figures.repeat("status", side, lambda _: subject.command("status"))
        figures.repeat("no-change-up", side, lambda _: subject.up())
    figures.repeat("airflow-version", side, lambda _: subject.airflow("version"))
    if figures.wants("sample", side):
        with figures.row("sample", side):
            dag_run(subject, SAMPLE_DAG, "bench_warm_up")
            _dag_runs(figures, "sample", subject, SAMPLE_DAG, figures.samples)
    # Standalone looks for new files every 300 s: one sample tells enough.
    figures.repeat("new-dag", side, lambda number: _new_dag(subject, number), once=side == STANDALONE)
    if figures.wants("hundred-tasks", side):
        with figures.row("hundred-tasks", side):
            _dag_runs(figures, "hundred-tasks", subject, HUNDRED_DAG, 1)
    if figures.wants("requirements-change", side) and isinstance(subject, OursInDocker):
        with figures.row("requirements-change", side):
            _requirements_changes(figures, subject)


def _memory(figures: Figures, subject: Subject) -> None:
    time.sleep(IDLE_PAUSE_S)
    megabytes, note = subject.memory()
    figures.add("memory", subject.side, [megabytes], f"{subject.side}: {note}")


def _dag_runs(figures: Figures, row: str, subject: Subject, dag_id: str, count: int) -> None:
    runs = [dag_run(subject, dag_id, f"bench_{number}") for number in range(count)]
    queued_s = statistics.median(since_queued for _, since_queued in runs)
    note = f"{subject.side}: {queued_s:.1f} s since the run was queued"
    figures.add(row, subject.side, [since_call for since_call, _ in runs], note)


def _new_dag(subject: Subject, number: int) -> float:
    time.sleep(STAGGER_S * number)
    return new_dag(subject, f"bench_new_{number}")


def _requirements_changes(figures: Figures, subject: OursInDocker) -> None:
    changes = [requirements_change(subject, number) for number in range(figures.samples)]
    installed_s = statistics.median(until_installed for _, until_installed in changes)
    note = f"{subject.side}: {installed_s:.1f} s of it until the packages are there, then containers are replaced"
    figures.add("requirements-change", subject.side, [until_ready for until_ready, _ in changes], note)
