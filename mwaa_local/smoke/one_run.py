"""One DAG, run once in an environment that is up: waited for until Airflow knows it, and until it succeeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mwaa_local.airflow import AirflowClient
from mwaa_local.dag_run import RunDates, WantedRun
from mwaa_local.database.metadata import TaskRow
from mwaa_local.errors import DagRunFailed
from mwaa_local.event import Event
from mwaa_local.smoke.finding import wait_for_dag
from mwaa_local.smoke.report_mask import ReportMask
from mwaa_local.smoke.selection import SelectionWrong
from mwaa_local.smoke.tasklogs import told_log

if TYPE_CHECKING:
    from mwaa_local.lifecycle import Started
    from mwaa_local.release import Release
    from mwaa_local.workspace import Workspace

NAME_OTHERS = "name a DAG that exists with --run"


def run_one(
    workspace: Workspace, release: Release, started: Started, wanted: WantedRun, on_event: Callable[[Event], None]
) -> RunDates:
    """Return the dates of a run that succeeded. Raises DagRunFailed, SelectionWrong where no file has the DAG."""
    project = workspace.project
    client = AirflowClient(started.runtime, started.plan)

    def log_of(task: TaskRow, logical_date: str) -> str:
        mask = ReportMask.of(project, workspace.environment(), started.plan).mask
        return told_log(project, task, logical_date, mask)

    try:
        wait_for_dag(project, release, client.metadata(str(project.dags_dir)), wanted.dag_id, on_event)
        return client.run_dag(wanted, on_event, log_of)
    finally:
        client.close()


def wait_for_all(
    workspace: Workspace,
    release: Release,
    started: Started,
    dag_ids: Sequence[str],
    on_event: Callable[[Event], None],
) -> None:
    """Return once all of them can be triggered, so that none runs where another is not there.

    Raises DagRunFailed, also where no file has one of them: the exit code is that of a DAG that fails.
    """
    project = workspace.project
    client = AirflowClient(started.runtime, started.plan)
    try:
        for dag_id in dag_ids:
            wait_for_dag(project, release, client.metadata(str(project.dags_dir)), dag_id, on_event)
    except SelectionWrong as error:
        raise DagRunFailed(error.what, error.why, error.hint or NAME_OTHERS) from error
    finally:
        client.close()
