"""ecs-argument-in-camel-case: boto3's spelling where Airflow's is wanted, and the other way round."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.finding import ERROR, WARNING, Finding

ID = "ecs-argument-in-camel-case"
WHY = (
    "EcsRunTaskOperator takes its own arguments in snake_case, and refuses others when the file is loaded; "
    "dictionaries in them go unchanged to ECS, whose API knows only camelCase."
)
_OPERATORS = frozenset(("EcsRunTaskOperator", "ECSOperator", "EcsOperator"))
# Members of ECS' RunTask that the operator takes; the others (startedBy, count …) it sets itself or does not have.
# Source: botocore's `ecs` service model; airflow.providers.amazon.aws.operators.ecs.
_TOP = (
    "capacityProviderStrategy",
    "launchType",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
    "taskDefinition",
    "volumeConfigurations",
)
_ABSENT = ("clientToken", "enableECSManagedTags", "enableExecuteCommand", "referenceId", "startedBy")
_INNER = (
    "assignPublicIp",
    "awsvpcConfiguration",
    "capacityProvider",
    "containerOverrides",
    "environmentFiles",
    "ephemeralStorage",
    "executionRoleArn",
    "inferenceAcceleratorOverrides",
    "deviceName",
    "deviceType",
    "managedEBSVolume",
    "memoryReservation",
    "resourceRequirements",
    "securityGroups",
    "sizeInGiB",
    "taskRoleArn",
)
_HOLDERS = ("capacity_provider_strategy", "network_configuration", "overrides", "volume_configurations")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", name).lower()


_TO_SNAKE = {name: _snake(name) for name in _TOP} | {"containerOverrides": "overrides"}
_TO_CAMEL = {_snake(name): name for name in _INNER} | {"size_in_gib": "sizeInGiB"}


def find(source: Source) -> Iterator[Finding]:
    """Yield arguments in camelCase, and keys in snake_case in the dictionaries that ECS is given."""
    for call in source.calls:
        if call.name.startswith("airflow.") and call.last_name in _OPERATORS:
            yield from _arguments(source, call)
            for holder in _HOLDERS:
                if (given := call.arguments.get(holder)) is not None:
                    yield from _keys(source, given, holder)


def _arguments(source: Source, call: Call) -> Iterator[Finding]:
    # Airflow 1.10 only warns of arguments that it does not know.
    severity = ERROR if source.release.is_at_least("2.0.0") else WARNING
    for name, value in call.arguments.items():
        if name in _TO_SNAKE:
            right = _TO_SNAKE[name]
            what, hint = f"{call.last_name} has no argument {name}; it is {right}", f"write {right}=…"
            if name == "containerOverrides":
                hint = 'write overrides={"containerOverrides": […]}'
        elif name in _ABSENT:
            what, hint = f"{call.last_name} has no argument {name}", "leave it out"
        else:
            continue
        yield at(source, value, ID, severity, what, WHY, hint)


def _keys(source: Source, given: ast.expr, holder: str) -> Iterator[Finding]:
    waiting = [given]
    for _ in range(len(source.nodes)):  # names may lead in circles
        if not waiting:
            return
        expr = source.resolve(waiting.pop())
        if isinstance(expr, ast.List | ast.Tuple):
            waiting += reversed(expr.elts)
        elif isinstance(expr, ast.Dict | ast.Call):
            for entry in source.entries(expr).items:
                if entry.name in _TO_CAMEL:
                    right = _TO_CAMEL[entry.name]
                    what = f"ECS has no {entry.name} in {holder}; it is {right}"
                    yield at(source, entry.node, ID, ERROR, what, WHY, f'write "{right}"')
                waiting.append(entry.value)


RULE = DagRule(
    id=ID,
    severity=ERROR,
    meaning="An argument of EcsRunTaskOperator is spelled as boto3 spells it, or a key within one as Airflow does.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.sdk import DAG

with DAG("load", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRunTaskOperator(
        task_id="load",
        cluster="etl",
        taskDefinition="load:3",
        overrides={"containerOverrides": []},
    )
""",
    good="""\
from datetime import datetime

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.sdk import DAG

with DAG("load", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRunTaskOperator(
        task_id="load",
        cluster="etl",
        task_definition="load:3",
        launch_type="FARGATE",
        overrides={"containerOverrides": [{"name": "load", "environment": [{"name": "MY_KEY", "value": "1"}]}]},
        network_configuration={
            "awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
        },
    )
""",
    find=find,
)
