"""Wait until Airflow knows a DAG that is to run, or until it is clear that it will not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mwaa_local.database.metadata import Metadata
from mwaa_local.errors import DagRunFailed
from mwaa_local.event import Event
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.smoke.importing import POLL_PAUSE_S, ImportWait
from mwaa_local.smoke.result import ImportProblem
from mwaa_local.smoke.selection import unknown_dag

# For a file that names the DAG and that Airflow has not begun to parse: imports included. With `Intervals: mwaa` it
# looks for new files more seldom, and then the user may try again.
BEGIN_TIMEOUT_S = 60.0
PROGRESS_S = 5.0


class _Known(Exception):
    """The DAG is there; the wait for all the other files is over."""


def wait_for_dag(
    project: Project, release: Release, metadata: Metadata, dag_id: str, on_event: Callable[[Event], None]
) -> None:
    """Return once the DAG can be triggered.

    Raises DagRunFailed where the file that defines it, or most likely would, cannot be imported; SelectionWrong once
    all files are parsed and none has it.
    """
    wait = ImportWait(project, release, metadata, None, ())
    began = told = time.monotonic()

    def look() -> None:
        nonlocal told
        problems = wait.problems()
        dag = next((dag for dag in metadata.dags() or () if dag.dag_id == dag_id), None)
        for problem in problems:
            if (dag is not None and problem.path == f"dags/{dag.file}") or _names(
                project.root_dir / problem.path, dag_id
            ):
                raise _broken(dag_id, problem)
        if dag is not None:
            raise _Known
        if time.monotonic() - told > PROGRESS_S:
            told = time.monotonic()
            detail = f"waiting for {dag_id}: files that Airflow has not parsed yet: {len(wait.unparsed)}"
            on_event(Event("dag run", "working", told - began, detail))

    try:
        look()
        while True:
            imported = wait.run(look)
            look()
            awaited = any(_names(project.dags_dir / name, dag_id) for name in wait.unparsed)
            if not awaited or time.monotonic() - began > BEGIN_TIMEOUT_S:
                break
            time.sleep(POLL_PAUSE_S)
    except _Known:
        return
    raise unknown_dag(
        dag_id,
        [dag.dag_id for dag in imported.dags],
        {problem.path: problem.message for problem in imported.problems},
    )


def _broken(dag_id: str, problem: ImportProblem) -> DagRunFailed:
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    last = (problem.message.strip().splitlines() or ["no reason given"])[-1]
    return DagRunFailed(f"cannot run {dag_id}: {place} cannot be imported", last, "mwaa-local check dags")


def _names(path: Path, dag_id: str) -> bool:
    """Say whether the file has the DAG's id in it as a word in quotes."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(f"{quote}{dag_id}{quote}" in text for quote in "\"'")
