"""The variables by which MWAA's containers know their CloudWatch log groups. Pure.

Nothing here reads them: logs are files. DAGs take the account, the region and the environment's name from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mwaa_local.environment.environment import Environment, ModuleLogging

ACCOUNT_ID = "000000000000"  # no account of anybody's
# Source in the variable's name -> log group and member of LoggingConfiguration; the triggerer is in the scheduler's
# container and logs where that does (amazon-mwaa-docker-images, mwaa/logging; MWAA user guide, "Viewing Airflow logs").
SOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "DAGPROCESSOR": ("DAGProcessing", "dag_processing_logs"),
        "SCHEDULER": ("Scheduler", "scheduler_logs"),
        "TASK": ("Task", "task_logs"),
        "TRIGGERER": ("Scheduler", "scheduler_logs"),
        "WEBSERVER": ("WebServer", "webserver_logs"),
        "WORKER": ("Worker", "worker_logs"),
    }
)
# Beginning of a region's name -> the partition in its ARNs (botocore, partitions.json).
PARTITIONS: Mapping[str, str] = MappingProxyType({"cn-": "aws-cn", "us-gov-": "aws-us-gov"})


def logging_variables(environment: Environment, region: str) -> dict[str, str]:
    """Return `MWAA__LOGGING__AIRFLOW_…` of an environment with no account, in that region.

    Source: amazon-mwaa-docker-images, `mwaa/logging/config.py`; the group's name as GetEnvironment answers it.
    """
    partition = partition_of(region)
    variables = {}
    for source, (group, member) in SOURCES.items():
        module: ModuleLogging = getattr(environment.logging_configuration, member)
        name = f"MWAA__LOGGING__AIRFLOW_{source}"
        arn = f"arn:{partition}:logs:{region}:{ACCOUNT_ID}:log-group:airflow-{environment.name}-{group}"
        variables[f"{name}_LOG_GROUP_ARN"] = arn
        variables[f"{name}_LOG_LEVEL"] = module.log_level
        variables[f"{name}_LOGS_ENABLED"] = str(module.enabled).lower()
    return variables


def partition_of(region: str) -> str:
    """Return the partition that ARNs of a region name."""
    return next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")
