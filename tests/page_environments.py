"""Environments for tests of the console page: as the API records them, with texts of people who mean no good."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.members import described, kept
from mwaa_local.database.tasks import TaskCounts
from mwaa_local.metrics.figures import ComponentFigures, Figures, append_figures
from mwaa_local.metrics.minutes import minute_of
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import LogFile
from mwaa_local.secrets import load_secrets
from mwaa_local.services.metrics import metrics_dir

HOSTILE = "</p></section><script>alert('hostile')</script><img src=x onerror=\"alert('hostile')\">"
OPTION_SECRET, INDEX_SECRET = "hunter2-of-the-option", "hunter2-of-the-index"
ROLE_ERROR = ("INCORRECT_CONFIGURATION", "You may need to check the execution role permissions policy.")
MEMBERS = {
    "AirflowVersion": "3.3.1",
    "DagS3Path": "dags",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/airflow",
    "SourceBucketArn": "arn:aws:s3:::a-bucket",
    "NetworkConfiguration": {},
    "MinWorkers": 1,
    "MaxWorkers": 5,
    "EnvironmentClass": "mw1.medium",
    "AirflowConfigurationOptions": {
        "core.default_task_retries": "3",
        "core.executor": "LocalExecutor",
        "smtp.smtp_password": OPTION_SECRET,
        "app.greeting": HOSTILE,
    },
}


def record_environment(
    folder: Path, name: str, members: Mapping[str, Any] = MEMBERS, tags: Mapping[str, str] | None = None
) -> Project:
    """Make an environment that was created by the API and does not run; return its project."""
    project = Project(folder / name)
    project.root_dir.mkdir(parents=True)
    project.make_state_dir()
    records.service_dir(project).mkdir(mode=0o700)
    made = records.Record(name, records.BY_API, time.time(), kept(described({"Name": name, **members})), tags or {})
    records.save(project, replace(made, settled=records.AVAILABLE).with_event("CreateEnvironment was accepted"))
    load_secrets(project.state_dir)
    return project


def record_failure(project: Project, why: str) -> None:
    """Have the environment's creation fail, with MWAA's words for clients and our reason."""
    update = records.last_update(records.FAILED, at=time.time(), error=ROLE_ERROR)

    def failed(record: records.Record) -> records.Record:
        after = replace(record, settled=records.CREATE_FAILED, last_update=update)
        return after.with_event("it did not come up", why, "change requirements.txt:3", is_failure=True)

    records.change(project, failed)


def record_hostile(folder: Path, name: str = "hostile") -> Project:
    """Make an environment of which everything that somebody else may write holds markup, and secrets where it can."""
    project = record_environment(folder, name, tags={"team": HOSTILE})
    record_failure(project, f"{HOSTILE}\nLooking in indexes: https://user:{INDEX_SECRET}@index.example.com/simple")
    write_log(
        project, "scheduler", [HOSTILE, f"the password is {OPTION_SECRET}", "\x1b[31mred\x1b[0m \u202etxt.exe \x00"]
    )
    return project


def record_figures(project: Project, minutes_ago: Iterable[int]) -> None:
    """Have the environment measured in these minutes, each with other figures."""
    folder = metrics_dir(project)
    folder.mkdir(exist_ok=True, mode=0o700)
    for ago in sorted(minutes_ago, reverse=True):
        components = {"scheduler": ComponentFigures(ago, (200 + ago) << 20), "worker.1": ComponentFigures(5.0, 1 << 20)}
        figures = Figures(components, TaskCounts(ago % 7, ago % 3, 1.0))
        append_figures(folder, minute_of(time.time()) - ago * 60, figures)


def write_log(project: Project, component: str, lines: list[str]) -> None:
    log = LogFile(project.logs_dir / f"{component}.log")
    for line in lines:
        log.write("out", line)
    log.close()
