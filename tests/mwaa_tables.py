"""What MWAA puts into the environment of a task, by release: the tables of its public images, as data.

Sources: aws/amazon-mwaa-docker-images, `python/mwaa/config/` of 2.9.2 and later (commit 9d2bebb; for 3.3.1 the image of
September 2026); for 2.8.1 and earlier the `airflow.cfg` of each branch of aws/aws-mwaa-local-runner, as far as it is
not Airflow's own default. `guide`: MWAA's user guide. Apart from the catalogue, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.version import Version

from mwaa_local.release import Release

FIRST, LAST = "1.10.12", "3.3.1"
BEFORE_IMAGES = "2.8.1"  # the last release whose image is not public
# MWAA's own module, address or secret: no value that could be the same here.
OWN = "<its own>"


@dataclass(frozen=True)
class Row:
    """One option, or variable, and its value from release to release, both included.

    `see` is the entry of docs/differences.md that says why the value here is another one.
    """

    name: str
    value: str
    first: str = FIRST
    last: str = LAST
    see: str = ""

    def holds(self, release: Release) -> bool:
        return Version(self.first) <= Version(release.airflow_version) <= Version(self.last)


# The values of tests/unit/configuration/merging.py stand for what is made for each environment.
FORCED = (
    Row("core.executor", "CeleryExecutor"),
    Row("core.load_examples", "False"),
    Row("core.fernet_key", "a-fernet-key"),
    Row("core.sql_alchemy_conn", OWN, last="2.2.2", see="celery-database-urls"),
    Row("database.sql_alchemy_conn", OWN, "2.4.3", see="celery-database-urls"),
    Row("celery.broker_url", OWN, see="celery-database-urls"),
    Row("celery.result_backend", OWN, see="celery-database-urls"),
    Row("celery.default_queue", "celery-queue", last="2.0.2"),
    Row("operators.default_queue", "celery-queue", "2.2.2"),
    Row("webserver.secret_key", "a-secret-key", last="2.11.2"),
    Row("webserver.base_url", OWN, last="2.11.2", see="base-url"),
    Row("api.base_url", OWN, "3.0.6", see="base-url"),
    Row("logging.logging_config_class", OWN, "2.9.2", see="logging-config-class"),
    Row("logging.colored_console_log", "False", "3.0.6"),
    Row("scheduler.standalone_dag_processor", "True", "2.9.2"),
    Row("celery.celery_config_options", OWN, last="3.0.6", see="celery-config"),
    Row("celery.celery_config_options", OWN, "3.2.1", see="celery-config"),
    Row("celery.worker_enable_remote_control", "False", "2.4.3"),
    Row("celery_broker_transport_options.visibility_timeout", "43200", last="3.0.6"),
    Row("celery.extra_celery_config", OWN, "3.2.1", see="celery-config"),
    Row("webserver.config_file", OWN, "2.7.2", "2.11.2", see="webserver-config"),
    Row("fab.config_file", OWN, "3.0.6", see="webserver-config"),
    Row("webserver.cookie_secure", "true", "2.9.2", "2.11.2", see="cookie-secure"),
    Row("api.secret_key", "a-secret-key", "3.0.6"),
    Row("core.auth_manager", "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager", "3.0.6"),
    Row("core.execution_api_server_url", "http://127.0.0.1:8080/execution/", "3.0.6"),
    Row("api_auth.jwt_secret", "a-jwt-secret", "3.0.6"),
    Row("api_auth.jwt_algorithm", "HS256", "3.0.6"),
    Row("execution_api.jwt_expiration_time", "86400", "3.0.6"),
    Row("core.multi_team", "False", "3.2.1"),
    Row("triggerer.queues_enabled", "False", "3.2.1"),
    Row("scheduler.statsd_on", "True", last="1.10.12"),
    Row("metrics.statsd_on", "True", "2.0.2"),
    *(Row(f"scheduler.statsd_{key}", OWN, last="1.10.12", see="metrics-section") for key in ("host", "port", "prefix")),
    *(Row(f"metrics.statsd_{key}", OWN, "2.0.2", see="metrics-section") for key in ("host", "port", "prefix")),
    Row("metrics.metrics_allow_list", "", "2.9.2", see="metrics-section"),
    Row("metrics.metrics_block_list", "", "2.9.2", see="metrics-section"),
)
DEFAULTED = (
    Row("core.execute_tasks_new_python_interpreter", "True", "2.9.2"),
    Row("core.sensitive_var_conn_names", "proxy,proxies", "2.9.2"),
    Row("database.sql_alchemy_connect_args", OWN, "2.9.2", see="connect-args"),
    Row("scheduler.schedule_after_task_execution", "False", "2.9.2"),
    Row("scheduler.task_queued_timeout", "1800.0", "2.9.2"),
    Row("secrets.backend_kwargs", '{"connections_lookup_pattern": "^(?!aws_default$).*$"}', "2.9.2"),
    Row("workers.secrets_backend_kwargs", '{"connections_lookup_pattern": "^(?!aws_default$).*$"}', "3.0.6"),
    Row("usage_data_collection.enabled", "False", "2.10.1"),
    Row("api.server_type", "gunicorn", "3.2.1", see="server-type"),
    Row("api.worker_refresh_interval", "43200", "3.2.1"),
    Row("api.worker_refresh_batch_size", "1", "3.2.1"),
    # guide, performance tuning
    Row("celery.sync_parallelism", "1", "2.9.2"),
)
LOCAL_RUNNER = (
    Row("core.default_pool_task_slot_count", "10000", "2.2.2", BEFORE_IMAGES),
    Row("core.sql_alchemy_pool_enabled", "False", last="2.2.2"),
    # up to 2.6.3 in [core], which Airflow reads as [database]
    Row("database.sql_alchemy_pool_enabled", "False", "2.4.3", BEFORE_IMAGES),
    Row("database.check_migrations", "False", "2.7.2", BEFORE_IMAGES),
    Row("core.donot_pickle", "False", "2.0.2", "2.6.3"),
    Row("core.dag_run_conf_overrides_params", "False", "2.0.2", "2.6.3"),
    Row("core.hostname_callable", "socket.getfqdn", "2.4.3", BEFORE_IMAGES),
    Row("core.enable_xcom_pickling", "False", last="1.10.12"),
    Row("core.secure_mode", "True", last="1.10.12"),
    Row("core.store_serialized_dags", "True", last="1.10.12"),
    Row("scheduler.catchup_by_default", "False", "2.0.2", "2.6.3"),
    Row("scheduler.dag_dir_list_interval", "30", last="1.10.12", see="intervals"),
    Row("scheduler.max_tis_per_query", "512", "2.7.2", BEFORE_IMAGES),
    Row("logging.log_filename_template", OWN, "2.4.3", "2.7.2", see="local-runner-cfg"),
    Row("metrics.metrics_allow_list", OWN, "2.7.2", BEFORE_IMAGES, see="local-runner-cfg"),
    Row("api.auth_backend", "airflow.api.auth.backend.deny_all", last="1.10.12"),
    Row("api.auth_backend", "airflow.api.auth.backend.deny_all", "2.0.2", "2.6.3", see="local-runner-cfg"),
    Row("api.auth_backends", "airflow.api.auth.backend.session", "2.7.2", BEFORE_IMAGES),
    Row("webserver.web_server_master_timeout", "300", last=BEFORE_IMAGES),
    Row("webserver.x_frame_enabled", "False", last=BEFORE_IMAGES),
    Row("webserver.expose_hostname", "False", last="2.5.1"),
    Row("webserver.expose_stacktrace", "False", last="2.2.2"),
    Row("webserver.cookie_secure", "True", "2.0.2", "2.0.2", see="cookie-secure"),
    Row("webserver.session_lifetime_minutes", "1440", "2.0.2", "2.0.2", see="session-lifetime"),
    Row("webserver.rbac", "True", last="1.10.12"),
    Row("webserver.dag_default_view", "tree", "2.4.3", "2.6.3", see="local-runner-cfg"),
    Row("webserver.enable_proxy_fix", "True", "2.7.2", BEFORE_IMAGES),
    Row("webserver.enable_swagger_ui", "False", "2.7.2", BEFORE_IMAGES),
    Row("celery.sync_parallelism", "1", "2.2.2", BEFORE_IMAGES),
    Row("aws_mwaa.session_duration_minutes", "720", "2.0.2", BEFORE_IMAGES, see="local-runner-cfg"),
    Row("aws_mwaa.redirect_url", OWN, "2.0.2", BEFORE_IMAGES, see="local-runner-cfg"),
)
# mw1.small; guide, environment class and performance tuning
OF_CLASS = (
    Row("celery.worker_autoscale", "5,0"),
    Row("core.parallelism", "75", last="1.10.12"),
    Row("core.parallelism", "37", "2.0.2", see="core-parallelism"),
    Row("scheduler.max_threads", "1", last="1.10.12"),
    Row("scheduler.parsing_processes", "1", "2.0.2", "2.11.2"),
    Row("dag_processor.parsing_processes", "1", "3.0.6"),
    Row("triggerer.default_capacity", "60", "2.2.2", "2.11.2"),
    Row("triggerer.capacity", "60", "3.0.6"),
)
VARIABLES = (
    *(
        Row("AWS_EXECUTION_ENV", f"Amazon_MWAA_{version.replace('.', '')}", version, version)
        for version in Release.versions()
    ),
    Row("MWAA_AIRFLOW_COMPONENT", "worker"),
    Row("MWAA_COMMAND", "worker"),
    Row("AIRFLOW_CONN_AWS_DEFAULT", "aws://"),
    Row("CLASSPATH", "/dags/classpath/*", "2.9.2"),
    Row("SQLALCHEMY_SILENCE_UBER_WARNING", "1", "2.9.2"),
    Row("GUNICORN_CMD_ARGS", "--log-level INFO", "2.9.2"),
)
# What is set here beyond all that -> the entry that says why.
ONLY_HERE = {
    "MWAA_LOCAL_CELERY_CONFIG": "celery-config",
    "celery_broker_transport_options.visibility_timeout": "visibility-timeout",
    "dag_processor.bundle_refresh_check_interval": "intervals",
    "dag_processor.refresh_interval": "intervals",
    "scheduler.dag_dir_list_interval": "intervals",
    "scheduler.scheduler_heartbeat_sec": "scheduler-heartbeat",
    "scheduler.job_heartbeat_sec": "task-heartbeat",
    "workers.max_failed_heartbeats": "task-heartbeat",
    "workers.min_heartbeat_interval": "task-heartbeat",
    "webserver.auth_rate_limited": "webserver-config",
    "webserver.cookie_secure": "cookie-secure",
    "webserver.session_lifetime_minutes": "session-lifetime",
    "fab.session_lifetime_minutes": "session-lifetime",
}


def rows_of(release: Release) -> Iterator[Row]:
    """Yield what MWAA sets in that release."""
    tables = (FORCED, DEFAULTED, LOCAL_RUNNER, OF_CLASS, VARIABLES)
    return (row for table in tables for row in table if row.holds(release))
