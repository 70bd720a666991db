"""What tests of the layers merge: a release with one value per table, and an environment."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import (
    MergedVariables,
    merge,
)
from mwaa_local.environment.environment import Environment
from mwaa_local.release import Packages, Release

VALUES = LocalValues(
    database_url="postgresql+psycopg2://airflow:db-pass@127.0.0.1:5432/airflow",
    result_backend="db+postgresql+psycopg2://airflow:db-pass@127.0.0.1:5432/airflow",
    broker_url="redis://:broker-pass@127.0.0.1:6379/0",
    default_queue="celery-queue",
    fernet_key="a-fernet-key",
    secret_key="a-secret-key",
    jwt_secret="a-jwt-secret",
    web_url="http://localhost:8080",
    web_is_secure="False",
    execution_api_url="http://127.0.0.1:8080/execution/",
    statsd_host="127.0.0.1",
    statsd_port="8125",
    airflow_home="/usr/local/airflow",
)
CONTAINER = {"PATH": "/bin", "AIRFLOW_HOME": "/usr/local/airflow", "MWAA__CORE__AUTH_TYPE": "none", "TZ": "UTC"}


def make_release(**changes: Any) -> Release:
    """Return a release with one value per table, so that every test says what it is about."""
    plain: dict[str, Any] = {
        "airflow_version": "2.10.3",
        "python_version": "3.11",
        "python_full_version": "3.11.9",
        "supported_pythons": ("3.11",),
        "state": "offered",
        "available_since": "2024-12-18",
        "end_of_support": "",
        "database_revision": "",
        "image_date": "2026-08-20",
        "packages_date": "2026-08-10",
        "operating_system": "Amazon Linux 2023",
        "aws_cli_version": "1.45.56",
        "pip_version": "26.2.1",
        "providers": {},
        "packages": Packages(base={"celery": "5.2.0", "kombu": "5.2.1"}),
        "essential_constraints": {},
        "constraints_injected": True,
        "constraints_urls": (),
        "startup_script": True,
        "generation": "2.x",
        "python_argv": ("-m", "airflow"),
        "migrate_argv": (),
        "webserver_argv": (),
        "scheduler_argv": (),
        "dag_processor_argv": (),
        "triggerer_argv": (),
        "worker_argv": (),
        "users_argv": None,
        "list_dags_argv": (),
        "runs_without_date": True,
        "test_dag_argv": None,
        "failed_deps_argv": (),
        "login": "",
        "health_path": "/health",
        "rest_base": "/api/v1",
        "preload": (),
        "forced_options": {"core.executor": "CeleryExecutor"},
        "default_options": {"scheduler.task_queued_timeout": "1800.0"},
        "local_forced_options": {"database.sql_alchemy_conn": "{database_url}"},
        "local_default_options": {"scheduler.dag_dir_list_interval": "2"},
        "default_variables": {"AIRFLOW_CONN_AWS_DEFAULT": "aws://"},
        "class_options": {
            "celery.worker_autoscale": "{worker_autoscale}",
            "core.parallelism": "{parallelism}",
            "scheduler.parsing_processes": "{parsing_processes}",
            "triggerer.default_capacity": "{triggerer_capacity}",
        },
        "cli_commands": (),
        "protected_variables": ("AIRFLOW_HOME", "AIRFLOW__WEBSERVER__BASE_URL"),
    }
    return Release(**{**plain, **changes})


AIRFLOW_3 = {"airflow_version": "3.3.1", "generation": "3.x", "queue_aliases": ("default",)}


def make_environment(options: dict[str, str] | None = None, **members: Any) -> Environment:
    return Environment(airflow_configuration_options=options or {}, **members)


def merged(
    options: dict[str, str] | None = None,
    exports: dict[str, str] | None = None,
    *,
    release: Release | None = None,
    environment: Environment | None = None,
    component: str = "scheduler",
    container: dict[str, str] | None = None,
) -> MergedVariables:
    return merge(
        release or make_release(),
        environment or make_environment(options),
        VALUES,
        component=component,
        container=CONTAINER if container is None else container,
        startup_exports=exports or {},
    )


# Names and values that MWAA takes (botocore's `mwaa` model: ConfigKey, ConfigValue), in the usual section.key form.
words = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=3).map("_".join)
option_names = st.builds("{}.{}".format, words, words)
option_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)
option_maps = st.dictionaries(option_names, option_values, max_size=5)
export_maps = st.dictionaries(st.sampled_from(["A", "PATH", "TZ"]), option_values)


EXTRA = make_release(**AIRFLOW_3, forced_options={"celery.extra_celery_config": "{celery_config_json}"})
