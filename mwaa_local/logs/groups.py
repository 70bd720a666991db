"""The log groups of an environment: their names, what switches them, and whose output they get."""

from __future__ import annotations

from enum import StrEnum

from mwaa_local.environment.environment import LoggingConfiguration, ModuleLogging


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

    @property
    def components(self) -> tuple[str, ...]:
        """The components whose output it gets."""
        return COMPONENTS[self]

    def of(self, configuration: LoggingConfiguration) -> ModuleLogging:
        found: ModuleLogging = getattr(configuration, FIELDS[self])
        return found

    def name_in(self, environment: str) -> str:
        return f"airflow-{environment}-{self.value}"

    def gets_output_of(self, component: str) -> bool:
        """Say whether it gets what that component, such as `worker.2`, writes."""
        return component.partition(".")[0] in self.components


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
# The triggerer is in the scheduler's container on MWAA, and logs where that does.
COMPONENTS = {
    Group.TASK: (),
    Group.SCHEDULER: ("scheduler", "triggerer"),
    Group.WORKER: ("worker",),
    Group.WEB_SERVER: ("webserver",),
    Group.DAG_PROCESSING: ("dag-processor",),
}
