"""Which resources a call names, as the ARNs that policies name. Data for the services that DAGs use most.

Source: the service authorization reference, "Resource types defined by …" of each service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import Call

EVERYTHING = "*"  # what an action is asked for that knows no resources
# A secret's ARN ends with a dash and six characters that only the service knows.
SECRET = "secret:{}-??????"
MAX_RESOURCES = 10  # of one call; a batch names hundreds

# Prefix -> (parameter, the end of its ARN), the first that a call has counts. An ARN is taken as it is; a path's last
# part is the name. A call of these services that names none of them is on everything, unless the service is in PARTLY.
NAMED: Mapping[str, Sequence[tuple[str, str]]] = {
    "airflow": (("Name", "environment/{}"),),
    "athena": (("WorkGroup", "workgroup/{}"), ("Name", "workgroup/{}")),
    "batch": (
        ("jobQueue", "job-queue/{}"),
        ("jobDefinition", "job-definition/{}"),
        ("jobId", "job/{}"),
        ("computeEnvironment", "compute-environment/{}"),
    ),
    "cloudwatch": (("AlarmName", "alarm:{}"), ("AlarmNames", "alarm:{}"), ("DashboardName", "dashboard/{}")),
    "dynamodb": (
        ("TableName", "table/{}"),
        ("TableArn", "{}"),
        ("StreamArn", "{}"),
        ("BackupArn", "{}"),
        ("ResourceArn", "{}"),
        ("SourceTableName", "table/{}"),
        ("TargetTableName", "table/{}"),
    ),
    "ecs": (("taskDefinition", "task-definition/{}"), ("cluster", "cluster/{}")),
    "eks": (("name", "cluster/{}"), ("clusterName", "cluster/{}")),
    "elasticmapreduce": (
        ("JobFlowId", "cluster/{}"),
        ("ClusterId", "cluster/{}"),
        ("JobFlowIds", "cluster/{}"),
        ("ResourceId", "cluster/{}"),
        ("StudioId", "studio/{}"),
        ("NotebookExecutionId", "notebook-execution/{}"),
    ),
    "events": (("Rule", "rule/{}"), ("Name", "rule/{}"), ("EventBusName", "event-bus/{}")),
    "firehose": (("DeliveryStreamName", "deliverystream/{}"),),
    "glue": (("JobName", "job/{}"), ("CrawlerName", "crawler/{}"), ("WorkflowName", "workflow/{}")),
    "iam": (
        ("RoleName", "role/{}"),
        ("UserName", "user/{}"),
        ("GroupName", "group/{}"),
        ("PolicyArn", "{}"),
        ("PolicyName", "policy/{}"),
        ("InstanceProfileName", "instance-profile/{}"),
    ),
    "kinesis": (("StreamName", "stream/{}"), ("StreamARN", "{}")),
    "kms": (("KeyId", "key/{}"), ("TargetKeyId", "key/{}"), ("AliasName", "{}")),
    "lambda": (
        ("FunctionName", "function:{}"),
        ("LayerName", "layer:{}"),
        ("Resource", "{}"),
        ("UUID", "event-source-mapping:{}"),
    ),
    "logs": (
        ("logGroupName", "log-group:{}:*"),
        ("logGroupIdentifier", "log-group:{}:*"),
        ("resourceArn", "{}"),
        ("logGroupNames", "log-group:{}:*"),
    ),
    "secretsmanager": (("SecretId", SECRET), ("Name", SECRET), ("SecretIdList", SECRET)),
    "sns": (
        ("TopicArn", "{}"),
        ("TargetArn", "{}"),
        ("SubscriptionArn", "{}"),
        ("ResourceArn", "{}"),
        ("Name", "{}"),
    ),
    "sqs": (("QueueUrl", "{}"), ("QueueName", "{}")),
    "ssm": (
        ("Name", "parameter/{}"),
        ("Names", "parameter/{}"),
        ("Path", "parameter/{}"),
        ("DocumentName", "document/{}"),
    ),
    "states": (
        ("stateMachineArn", "{}"),
        ("executionArn", "{}"),
        ("activityArn", "{}"),
        ("resourceArn", "{}"),
        ("name", "stateMachine:{}"),
    ),
    "sts": (("RoleArn", "{}"),),
}
# Of these, calls name resources by other parameters, too.
PARTLY = frozenset({"airflow", "athena", "batch", "ecs", "eks", "events", "glue", "iam", "kms", "logs", "ssm"})
# What an operation has no resource for, whatever it names, or has a default for.
ON_EVERYTHING = frozenset(
    {"elasticmapreduce:RunJobFlow", "iam:ListRoles", "secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"}
)
WITHOUT_REGION = frozenset({"iam"})


def resources_of(call: Call, prefix: str) -> list[str]:
    """Return the ARNs that a call names; [""] where they cannot be told, ["*"] where it names none."""
    if f"{prefix}:{call.operation}" in ON_EVERYTHING:
        return [EVERYTHING]
    if not call.has_parameters:
        return [""]
    if prefix in ("s3", "s3express"):
        return [_of_s3(call)]
    if prefix == "dynamodb" and isinstance(tables := call.parameters.get("RequestItems"), Mapping):
        return [arn_of(call, prefix, "table/{}", name) for name in list(tables)[:MAX_RESOURCES]] or [EVERYTHING]
    if f"{prefix}:{call.operation}" == "batch:SubmitJob":  # needs both
        return [arn_of(call, prefix, end, call.parameters.get(name)) for name, end in NAMED[prefix][:2]]
    if prefix == "kms" and _is_alias(call.parameters.get("KeyId")):
        return [""]  # the key's, which the service alone knows: a policy on an alias grants nothing
    if prefix == "dynamodb" and (index := call.parameters.get("IndexName")):
        return [f"{arn_of(call, prefix, 'table/{}', call.parameters.get('TableName'))}/index/{index}"]
    for parameter, end in NAMED.get(prefix, ()):
        if values := _texts(call.parameters.get(parameter)):
            return [arn_of(call, prefix, end, value) for value in values[:MAX_RESOURCES]]
    return [EVERYTHING] if prefix in NAMED and prefix not in PARTLY else [""]


def _is_alias(key: Any) -> bool:
    return isinstance(key, str) and (key.startswith("alias/") or ":alias/" in key)


def _of_s3(call: Call) -> str:
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    if not isinstance(bucket, str) or not bucket:
        return EVERYTHING
    return bucket_arn(call, f"{bucket}/{key}" if isinstance(key, str) and key else bucket)


def bucket_arn(call: Call, name: str) -> str:
    """Return the ARN of a bucket or, as BUCKET/KEY, of an object."""
    return name if name.startswith("arn:") else f"arn:{partition_of(call.region)}:s3:::{name}"


def arn_of(call: Call, service: str, end: str, value: Any) -> str:
    """Return the ARN of what a parameter names; "" for what is no name."""
    if not isinstance(value, str) or not value:
        return ""
    if value.startswith("arn:"):
        return value
    name = value.rstrip("/").rpartition("/")[2] if "://" in value else value
    if service == "ssm":  # parameter/a is /a
        name = name.lstrip("/")
    if service == "kms" and name.startswith("alias/"):
        end = "{}"
    if service in ("sns", "lambda") and name.count(":") > 1:  # ACCOUNT:function:NAME
        name = name.rpartition(":")[2]
    region = "" if service in WITHOUT_REGION else call.region
    return f"arn:{partition_of(call.region)}:{service}:{region}:{call.account_id}:{end.format(name)}"


def partition_of(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []
