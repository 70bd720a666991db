"""Reads a seeded object with a hook, writes another with plain boto3, and asks for a variable that a secret holds."""

import datetime
import json
import os
import pathlib
import socket

import boto3
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

try:
    from airflow.sdk import DAG, Variable
except ImportError:
    from airflow import DAG
    from airflow.models import Variable
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator

PREFIXES = ("api.", "data-")


def use_aws():
    hook = S3Hook()
    boto3.client("s3").put_object(Bucket="empty-bucket", Key="written", Body=b"by a task")
    found = {
        "object": hook.read_key("data/in.csv", "my-bucket"),
        "written": hook.read_key("written", "empty-bucket"),
        "variable": Variable.get("from_secret"),
        "parameter": boto3.client("ssm").get_parameter(Name="/app/name")["Parameter"]["Value"],
        "account": boto3.client("sts").get_caller_identity()["Account"],
        "credentials": boto3.Session().get_credentials().access_key,
    }
    host = os.environ["AWS_ENDPOINT_URL"].split("//")[1].split(":")[0]
    found["prefixed"] = [name for name in PREFIXES if socket.gethostbyname(name + host) == socket.gethostbyname(host)]
    pathlib.Path(os.environ["AIRFLOW_HOME"], "logs", "aws.json").write_text(json.dumps(found))


with DAG("local_aws", start_date=datetime.datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False) as dag:
    PythonOperator(task_id="use", python_callable=use_aws)
