"""Celery's settings for releases whose Airflow reads `celery.celery_config_options`, in MWAA's spirit.

MWAA's own module (`mwaa.config.celery` in aws/amazon-mwaa-docker-images) starts from Airflow's defaults and swaps
the broker for SQS with one predefined queue; a message for any other queue is refused when it is sent. Here the
broker is Redis, which would take every name, so the queue is declared and creating others is switched off.
"""

import json
import os

try:  # where the Celery provider has kept it since 2.8
    from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
except ImportError:
    from airflow.config_templates.default_celery import DEFAULT_CELERY_CONFIG

# The same JSON that newer releases get as celery.extra_celery_config: one description of the queue for all.
CELERY_CONFIG = dict(DEFAULT_CELERY_CONFIG, **json.loads(os.environ.get("MWAA_LOCAL_CELERY_CONFIG", "{}")))
