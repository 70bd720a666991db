"""LocalValues: what one start decides about addresses, keys and folders, and what stands for it before a start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LocalValues:
    """What one start decided; fills the placeholders of the release tables, which have these fields' names."""

    database_url: str
    result_backend: str
    broker_url: str
    default_queue: str
    fernet_key: str
    secret_key: str
    jwt_secret: str
    web_url: str
    web_is_secure: str  # True or False, as options have it
    execution_api_url: str
    statsd_host: str
    statsd_port: str
    airflow_home: str


QUEUE_NAME = "celery-queue"  # the queue's name in AWS's own local images (docker-compose.yaml, MWAA__SQS__QUEUE_URL)
PREVIEW = LocalValues(
    database_url="",
    result_backend="",
    broker_url="redis://127.0.0.1:1/0",
    default_queue=QUEUE_NAME,
    fernet_key="",
    secret_key="unused",
    jwt_secret="unused",
    web_url="http://localhost:8080",
    web_is_secure="False",
    execution_api_url="http://localhost:8080/execution/",
    statsd_host="127.0.0.1",
    statsd_port="1",  # where nobody listens
    airflow_home="",
)
