"""Run by a release's own Python: what its boto3, hooks and secrets backends find without being told of an endpoint."""

import json
import sys

import boto3

BUCKET = "bucket-one"


def hook():
    try:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    except ImportError:
        from airflow.hooks.S3_hook import S3Hook
    return S3Hook("aws_default").read_key("key", BUCKET)


def backend(name):
    try:
        from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
        from airflow.providers.amazon.aws.secrets.systems_manager import SystemsManagerParameterStoreBackend
    except ImportError:
        from airflow.contrib.secrets.aws_secrets_manager import SecretsManagerBackend
        from airflow.contrib.secrets.aws_systems_manager import SystemsManagerParameterStoreBackend
    if name == "secret":
        return SecretsManagerBackend(variables_prefix="v").get_variable("stage")
    return SystemsManagerParameterStoreBackend(variables_prefix="/v").get_variable("stage")


def plain():
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"by " + boto3.__version__.encode())
    boto3.resource("s3").Bucket(BUCKET).Object("key").get()["Body"].read()
    s3.create_bucket(Bucket="made-by-" + boto3.__version__.replace(".", "-"))
    return s3.get_object(Bucket=BUCKET, Key="key")["Body"].read().decode()


asked = {
    "athena": "list_work_groups",
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "ec2": "describe_vpcs",
    "emr": "list_clusters",
    "glue": "get_databases",
    "iam": "list_roles",
    "logs": "describe_log_groups",
    "redshift": "describe_clusters",
    "route53": "list_hosted_zones",
    "sns": "list_topics",
    "sqs": "list_queues",
    "stepfunctions": "list_state_machines",
}
for service, operation in asked.items():
    getattr(boto3.client(service), operation)()
found = {
    "boto3": boto3.__version__,
    "plain": plain(),
    "account": [
        boto3.client("sts", region_name=name).get_caller_identity()["Account"] for name in ("us-east-1", "eu-west-1")
    ],
    "hook": hook(),
    "secret": backend("secret"),
    "parameter": backend("parameter"),
    "regions": "eu-central-1" in boto3.session.Session().get_available_regions("ec2"),
}
json.dump(found, sys.stdout)
