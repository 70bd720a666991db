"""docker-operator: tasks that want a Docker daemon, which MWAA has not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.finding import ERROR, Finding

ID = "docker-operator"
WHY = (
    "MWAA's containers run on Fargate, which gives them no Docker daemon: /var/run/docker.sock does not exist there, "
    "so the task fails as soon as it starts."
)
HINT = "run the image with EcsRunTaskOperator on ECS, or with EksPodOperator on EKS"
_OPERATORS = frozenset(("DockerOperator", "DockerSwarmOperator"))
_DECORATOR = ".task.docker"
_SOCKET = "unix:"
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal")


def find(source: Source) -> Iterator[Finding]:
    """Yield tasks and operator classes that use the container's own Docker daemon."""
    for call in source.calls:
        if _is_docker(call.name) and not _is_elsewhere(source, call):
            name = "@task.docker" if call.name.endswith(_DECORATOR) else call.last_name
            yield at(source, call.node, ID, ERROR, f"{name} needs a Docker daemon, and MWAA has none", WHY, HINT)
    for node in source.nodes:
        for base in node.bases if isinstance(node, ast.ClassDef) else []:
            if _is_docker(name := source.full_name(base)):
                what = f"{name.rpartition('.')[2]}, of which the class is made, needs a Docker daemon; MWAA has none"
                yield at(source, node, ID, ERROR, what, WHY, HINT)


def _is_docker(name: str) -> bool:
    last = name.rpartition(".")[2]
    return name.startswith("airflow.") and (last in _OPERATORS or name.endswith(_DECORATOR))


def _is_elsewhere(source: Source, call: Call) -> bool:
    """Whether the daemon is named, and may be one on another machine, which MWAA can reach."""
    given = source.task_argument(call, "docker_url")
    if given is None:
        return call.is_open
    url = source.string(given)
    if url is None:
        return source.constant(given) is ...  # computed when the file runs
    return not url.startswith(_SOCKET) and not any(f"//{host}" in url for host in _LOCAL_HOSTS)


RULE = DagRule(
    id=ID,
    severity=ERROR,
    meaning="A task runs in a Docker container of the worker's own machine.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import DAG

with DAG("report", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    DockerOperator(task_id="build", image="my/report:1", command="make report")
""",
    good="""\
from datetime import datetime

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.sdk import DAG

with DAG("report", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRunTaskOperator(
        task_id="build",
        cluster="reports",
        task_definition="report:1",
        launch_type="FARGATE",
        overrides={"containerOverrides": [{"name": "report", "command": ["make", "report"]}]},
        network_configuration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )
""",
    find=find,
)
