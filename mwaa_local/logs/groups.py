"""The log groups of an environment, and which files hold what they get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.environment.environment import LoggingConfiguration, ModuleLogging
from mwaa_local.project import Project

LOGS_FOLDER = "logs"  # Airflow's own, below its home
DAG_PROCESSING_DIRS = ("dag_processor", "scheduler")  # of parsed files: Airflow 3, earlier ones
PREFIX_OF_PARSED = {"dag_processor": "scheduler_dag_processor_", "scheduler": "scheduler_"}
UNSAFE_IN_STREAM, SAFE = ":", "_"  # amazon-mwaa-docker-images, `mwaa/logging/cloudwatch_handlers.py`


class Group(StrEnum):
    """What a log group's name ends with."""

    TASK = "Task"
    SCHEDULER = "Scheduler"
    WORKER = "Worker"
    WEB_SERVER = "WebServer"
    DAG_PROCESSING = "DAGProcessing"

    @property
    def member(self) -> str:
        """The member of LoggingConfiguration that switches it."""
        return MEMBERS[self]

    def of(self, configuration: LoggingConfiguration) -> ModuleLogging:
        found: ModuleLogging = getattr(configuration, FIELDS[self])
        return found

    def name_in(self, environment: str) -> str:
        return f"airflow-{environment}-{self.value}"


MEMBERS = {
    Group.TASK: "TaskLogs",
    Group.SCHEDULER: "SchedulerLogs",
    Group.WORKER: "WorkerLogs",
    Group.WEB_SERVER: "WebserverLogs",
    Group.DAG_PROCESSING: "DagProcessingLogs",
}
FIELDS = {
    Group.TASK: "task_logs",
    Group.SCHEDULER: "scheduler_logs",
    Group.WORKER: "worker_logs",
    Group.WEB_SERVER: "webserver_logs",
    Group.DAG_PROCESSING: "dag_processing_logs",
}
# Components whose output a group gets; the triggerer is in the scheduler's container on MWAA.
COMPONENTS = {
    Group.TASK: (),
    Group.SCHEDULER: ("scheduler", "triggerer"),
    Group.WORKER: ("worker",),
    Group.WEB_SERVER: ("webserver",),
    Group.DAG_PROCESSING: ("dag-processor",),
}


@dataclass(frozen=True)
class StreamFile:
    """A file that Airflow writes, and the stream that has its lines on MWAA."""

    path: Path
    stream: str


def airflow_files(project: Project, group: Group) -> Iterator[StreamFile]:
    """Yield the files below Airflow's log folder that belong to a group: of tasks, or of files that were parsed."""
    root = project.airflow_home_dir / LOGS_FOLDER
    if group is Group.TASK:
        for path in sorted(root.rglob("*.log*")):
            inside = path.relative_to(root)
            if inside.parts[0] not in DAG_PROCESSING_DIRS and not path.is_symlink():
                yield StreamFile(path, inside.as_posix().replace(UNSAFE_IN_STREAM, SAFE))
    elif group is Group.DAG_PROCESSING:
        for folder in DAG_PROCESSING_DIRS:
            for path in sorted((root / folder).rglob("*.py.log")):
                if not any(part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(root)):
                    yield StreamFile(path, PREFIX_OF_PARSED[folder] + path.name)
