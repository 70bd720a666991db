"""What levels of LoggingConfiguration change in the variables of Airflow."""

from __future__ import annotations

import pytest

from mwaa_local.configuration.log_levels import debug_variables
from mwaa_local.configuration.merge import merge
from mwaa_local.environment.environment import Environment
from mwaa_local.release import Release
from tests.unit.configuration.merging import CONTAINER, VALUES

TASKS = {"TaskLogs": {"Enabled": True, "LogLevel": "DEBUG"}}
WEB = {"WebserverLogs": {"Enabled": True, "LogLevel": "DEBUG"}}
OWN_CLASS = "mwaa_support.task_logging.LOGGING_CONFIG"


def variables(version: str, **modules: object) -> dict[str, str]:
    return debug_variables(Environment.model_validate({"LoggingConfiguration": modules}), Release.load(version))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.10.3", {"AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": OWN_CLASS}),
        ("2.2.2", {"AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": OWN_CLASS}),
        ("1.10.12", {"AIRFLOW__CORE__LOGGING_CONFIG_CLASS": OWN_CLASS}),
        ("3.0.6", {}),  # there it is logging.logging_level that decides
        ("3.3.1", {}),
    ],
)
def test_tasks_log_from_debug_on(version: str, expected: dict[str, str]) -> None:
    assert variables(version, **TASKS) == expected


def test_a_class_of_the_users_own_wins() -> None:
    own = {"logging.logging_config_class": "mine.CONFIG"}
    environment = Environment.model_validate({"LoggingConfiguration": TASKS, "AirflowConfigurationOptions": own})
    made = merge(Release.load("2.10.3"), environment, VALUES, component="worker", container=CONTAINER)
    assert made.as_env()["AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS"] == "mine.CONFIG"
    plain = merge(
        Release.load("2.10.3"),
        Environment.model_validate({"LoggingConfiguration": TASKS}),
        VALUES,
        component="worker",
        container=CONTAINER,
    )
    assert plain.as_env()["AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS"] == OWN_CLASS


def test_gunicorn_logs_from_debug_on_where_mwaas_image_tells_it_a_level() -> None:
    assert variables("2.10.3", **WEB) == {"GUNICORN_CMD_ARGS": "--log-level DEBUG"}
    assert variables("2.8.1", **WEB) == {}


@pytest.mark.parametrize("level", ["INFO", "WARNING", "ERROR", "CRITICAL"])
def test_other_levels_change_nothing_since_files_hold_all(level: str) -> None:
    modules = {name: {"Enabled": True, "LogLevel": level} for name in (*TASKS, *WEB, "SchedulerLogs")}
    assert variables("3.3.1", **modules) == {}
