"""Names of log streams, as MWAA's containers choose them.

Source: aws/amazon-mwaa-docker-images, `mwaa/logging/` (handlers and processors) of 2.10.3 and 3.3.1.
"""

from __future__ import annotations

import socket

from mwaa_local.logs.events import MILLISECONDS
from mwaa_local.logs.groups import Group

UNSAFE, SAFE = ":", "_"
# Folders below Airflow's logs that are no tasks' -> what their streams begin with: Airflow 3, earlier ones.
PARSED = {"dag_processor": "scheduler_dag_processor_", "scheduler": "scheduler_"}
MANAGER_DIR = "dag_processor_manager"  # of Airflow 2: the one file that it has is named as its stream is
DAG_PROCESSOR = "dag-processor"
MANAGER_STREAM = "dag_processor_manager.log"
MANAGER_STREAM_3 = "dag-processor-manager.log"
REQUIREMENTS, STARTUP = "requirements_install", "startup_script"
STARTUP_STREAM = "startup_script_execution"


def of_airflow_file(inside: str) -> tuple[Group, str]:
    """Return group and stream of a file by its path within Airflow's log folder, with `/` between its parts."""
    top, _, rest = inside.partition("/")
    if top in PARSED and rest:
        return Group.DAG_PROCESSING, (PARSED[top] + rest.rpartition("/")[2]).replace(UNSAFE, SAFE)
    if top == MANAGER_DIR:
        return Group.DAG_PROCESSING, MANAGER_STREAM
    return Group.TASK, inside.replace(UNSAFE, SAFE)


def is_older(path: str) -> bool:
    """Say whether that is a file of the manager's that was put aside: it is read with the one that goes on."""
    folder, name = path.split("/")[-2:]
    return folder == MANAGER_DIR and name.rpartition(".")[2].isdecimal()


def of_component(component: str, began_ms: int, *, airflow_3: bool) -> str:
    """Return the stream of a component's output: `worker_HOST_EPOCH.log`, and one for all of the DAG processor's."""
    if component == DAG_PROCESSOR:
        return MANAGER_STREAM_3 if airflow_3 else MANAGER_STREAM
    name, _, number = component.partition(".")
    return _of_container(name, number, began_ms)


def of_script(name: str, component: str, began_ms: int) -> str:
    """Return the stream of what ran in a component's container before it; `name` is REQUIREMENTS or STARTUP_STREAM."""
    return _of_container(name, component.partition(".")[2], began_ms)


def _of_container(name: str, number: str, began_ms: int) -> str:
    """Workers are containers with a host name each on MWAA; here, those after the first add their number to it."""
    host = socket.gethostname() + (f"-{number}" if number not in ("", "1") else "")
    return f"{name}_{host}_{began_ms // MILLISECONDS}.log"
