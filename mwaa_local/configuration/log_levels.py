"""What LoggingConfiguration's levels change in Airflow itself. Pure.

On MWAA a level decides what components and tasks write at all; here files hold all from INFO on, and the log groups
are filtered. So only DEBUG changes something: more is written.
"""

from __future__ import annotations

from mwaa_local.configuration.option_names import translate
from mwaa_local.environment.environment import Environment
from mwaa_local.release import Release

DEBUG = "DEBUG"
GUNICORN_VARIABLE = "GUNICORN_CMD_ARGS"  # of MWAA's images: `--log-level` and the web server's level
# Has the logger `airflow.task` at DEBUG, as MWAA's has it at the level of TaskLogs (amazon-mwaa-docker-images,
# `mwaa/logging/config.py`).
CONFIG_CLASS = "mwaa_support.task_logging.LOGGING_CONFIG"
LOGGING_SECTION_SINCE = "2.0.0"  # before, its options were in `core`
# Tasks of Airflow 3 drop what is below logging.logging_level whatever their loggers' levels are (airflow.sdk.log).
TASK_LOGGER_UNTIL = "3.0.0"


def debug_variables(environment: Environment, release: Release) -> dict[str, str]:
    """Return the variables by which the web server, and tasks, log from DEBUG on where their module has that level."""
    logging = environment.logging_configuration
    variables = {}
    if logging.webserver_logs.log_level == DEBUG and GUNICORN_VARIABLE in release.default_variables:
        variables[GUNICORN_VARIABLE] = f"--log-level {DEBUG}"
    if logging.task_logs.log_level == DEBUG and not release.is_at_least(TASK_LOGGER_UNTIL):
        section = "logging" if release.is_at_least(LOGGING_SECTION_SINCE) else "core"
        variables |= translate({f"{section}.logging_config_class": CONFIG_CLASS})
    return variables
