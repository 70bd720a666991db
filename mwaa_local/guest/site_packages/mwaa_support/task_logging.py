"""Airflow's own logging, with tasks that log from DEBUG on: what MWAA's has where `TaskLogs` have that level.

Named by `logging.logging_config_class`, before Airflow 3.
"""

import copy

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG

LOGGING_CONFIG = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["loggers"]["airflow.task"]["level"] = "DEBUG"
