"""The variables of MWAA's log groups: region, account and environment for DAGs, and nothing that anybody reads here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mwaa_local.configuration.log_groups import SOURCES, logging_variables
from mwaa_local.environment.environment import Environment, LoggingConfiguration, ModuleLogging

ENVIRONMENT = Environment(name="orders")


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_log_group_has_region_account_and_environment(region: str, partition: str) -> None:
    variables = logging_variables(ENVIRONMENT, region)
    arn = variables["MWAA__LOGGING__AIRFLOW_TASK_LOG_GROUP_ARN"]
    assert arn == f"arn:{partition}:logs:{region}:000000000000:log-group:airflow-orders-Task"


def test_every_source_of_the_image_has_its_three_variables() -> None:
    # amazon-mwaa-docker-images, docker-compose.yaml; the triggerer logs into the scheduler's group
    variables = logging_variables(ENVIRONMENT, "eu-west-1")
    names = {f"MWAA__LOGGING__AIRFLOW_{source}_{what}" for source in SOURCES for what in WHATS}
    assert variables.keys() == names
    assert variables["MWAA__LOGGING__AIRFLOW_TRIGGERER_LOG_GROUP_ARN"].endswith(":airflow-orders-Scheduler")


WHATS = ("LOG_GROUP_ARN", "LOG_LEVEL", "LOGS_ENABLED")


def test_level_is_that_of_the_logging_configuration() -> None:
    worker = ModuleLogging(enabled=True, log_level="ERROR")
    environment = Environment(logging_configuration=LoggingConfiguration(worker_logs=worker))
    variables = logging_variables(environment, "eu-west-1")
    assert [variables[f"MWAA__LOGGING__AIRFLOW_WORKER_{what}"] for what in WHATS[1:]] == ["ERROR", "true"]
    assert [variables[f"MWAA__LOGGING__AIRFLOW_TASK_{what}"] for what in WHATS[1:]] == ["INFO", "true"]
    assert [variables[f"MWAA__LOGGING__AIRFLOW_SCHEDULER_{what}"] for what in WHATS[1:]] == ["INFO", "false"]


def test_nothing_of_ours_reads_them() -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run(
        ["git", "grep", "-l", "MWAA__LOGGING", "--", "mwaa_local", "docker"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.split() in ([], ["mwaa_local/configuration/log_groups.py"])
