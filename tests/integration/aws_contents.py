"""Something in many services of an AWS, and what each says of it: put in, and asked again after a restart."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from tests.integration.aws_endpoint import REGION, Endpoint
from tests.integration.stacks import TRUST, network, ref, resource, template

ACCOUNT = "000000000000"
BUCKET, TABLE, GROUP = "kept-bucket", "kept-table", "/kept/group"
LARGE = b"0123456789" * 300_000  # its own file among what is kept
ROLE = f"arn:aws:iam::{ACCOUNT}:role/kept-role"


def fill(aws: Endpoint) -> None:
    for part in (_storage, _values, _messages, _table, _logs, _iam, _network, _keys, _stack, _functions, _others):
        part(aws)


def _storage(aws: Endpoint) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "é"}]})
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key="three", Body=f"version {number}".encode(), Metadata={"with_underscore": "1"})
    s3.put_object(Bucket=BUCKET, Key="gone", Body=b"once")
    s3.delete_object(Bucket=BUCKET, Key="gone")
    s3.put_object(Bucket=BUCKET, Key="a/large", Body=LARGE, ContentType="text/plain")


def _values(aws: Endpoint) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="kept", SecretString="first", Tags=[{"Key": "a", "Value": "b"}])
    secrets.put_secret_value(SecretId="kept", SecretString="second")
    secrets.create_secret(Name="binary", SecretBinary=b"\0\1")
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/kept/one", Value="1", Type="String")
    ssm.put_parameter(Name="/kept/one", Value="2", Type="SecureString", Overwrite=True)


def _messages(aws: Endpoint) -> None:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    sqs.create_queue(QueueName="kept-queue", Attributes={"VisibilityTimeout": "600"})
    sqs.create_queue(QueueName="told")
    topic = sns.create_topic(Name="kept-topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:told")


def _table(aws: Endpoint) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "kind")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    nested = {"M": {"list": {"L": [{"N": "1.5"}, {"SS": ["a", "b"]}]}}}
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "1"}, "kind": {"S": "x"}, "nested": nested})


def _logs(aws: Endpoint) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=GROUP, tags={"a": "b"})
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": f"line {number}"} for number in range(20)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="stream", logEvents=events)


def _iam(aws: Endpoint) -> None:
    iam = aws.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = iam.create_policy(PolicyName="kept-policy", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(RoleName="kept-role", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="kept-role", PolicyArn=policy)
    iam.put_role_policy(RoleName="kept-role", PolicyName="own", PolicyDocument=document)
    iam.create_user(UserName="kept-user")
    iam.create_access_key(UserName="kept-user")


def _network(aws: Endpoint) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24", AvailabilityZone=f"{REGION}a")
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3")


def _keys(aws: Endpoint) -> None:
    kms = aws.client("kms")
    key = kms.create_key(Description="kept")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/kept", TargetKeyId=key)
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/signing", TargetKeyId=signing)


def stack_resources(**more: Any) -> dict[str, Any]:
    return {**network(), "Queue": resource("SQS::Queue"), "Bucket": resource("S3::Bucket"), **more}


def _stack(aws: Endpoint) -> None:
    outputs = {"Queue": {"Value": ref("Queue"), "Export": {"Name": "kept-export"}}}
    body = template(stack_resources(), outputs)
    aws.client("cloudformation").create_stack(StackName="kept-stack", TemplateBody=body)


def _functions(aws: Endpoint) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return 1\n")
    function = {"FunctionName": "kept", "Runtime": "python3.12", "Role": ROLE, "Handler": "main.handler"}
    aws.client("lambda").create_function(**function, Code={"ZipFile": code.getvalue()})
    aws.client("lambda").publish_version(FunctionName="kept")


def _others(aws: Endpoint) -> None:
    metric = {"MetricName": "m", "Value": 2.0, "Dimensions": [{"Name": "a", "Value": "b"}]}
    aws.client("cloudwatch").put_metric_data(Namespace="kept", MetricData=[metric])
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "kept"})
    columns = {"Columns": [{"Name": "a", "Type": "string"}]}
    glue.create_table(DatabaseName="kept", TableInput={"Name": "one", "StorageDescriptor": columns})
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    aws.client("stepfunctions").create_state_machine(name="kept", definition=definition, roleArn=ROLE)
    aws.client("ecs").create_cluster(clusterName="kept")
    aws.client("events").put_rule(Name="kept", ScheduleExpression="rate(1 hour)")
    aws.client("kinesis").create_stream(StreamName="kept", ShardCount=1)


def plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


Look = Callable[[Endpoint], Any]
LOOKS: dict[str, Look] = {
    "bucket": lambda aws: plain(aws.client("s3").get_bucket_tagging(Bucket=BUCKET)),
    "versions": lambda aws: [
        plain(aws.client("s3").list_object_versions(Bucket=BUCKET))[part] for part in ("Versions", "DeleteMarkers")
    ],
    "object": lambda aws: plain(aws.client("s3").head_object(Bucket=BUCKET, Key="three")),
    "large object": lambda aws: aws.client("s3").get_object(Bucket=BUCKET, Key="a/large")["Body"].read(),
    "secret": lambda aws: plain(aws.client("secretsmanager").get_secret_value(SecretId="kept")),
    "former secret": lambda aws: aws.client("secretsmanager").get_secret_value(
        SecretId="kept", VersionStage="AWSPREVIOUS"
    )["SecretString"],
    "binary secret": lambda aws: aws.client("secretsmanager").get_secret_value(SecretId="binary")["SecretBinary"],
    "parameter": lambda aws: plain(aws.client("ssm").get_parameter(Name="/kept/one", WithDecryption=True)),
    "parameter's history": lambda aws: aws.client("ssm").get_parameter_history(Name="/kept/one")["Parameters"],
    "public parameters": lambda aws: aws.client("ssm").get_parameters_by_path(
        Path="/aws/service/global-infrastructure/regions"
    )["Parameters"][0],
    "table": lambda aws: plain(aws.client("dynamodb").describe_table(TableName=TABLE)),
    "item by its index": lambda aws: aws.client("dynamodb").query(
        TableName=TABLE,
        IndexName="by-kind",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "x"}},
    )["Items"],
    "log group": lambda aws: aws.client("logs").describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"],
    "log events": lambda aws: aws.client("logs").filter_log_events(logGroupName=GROUP)["events"],
    "role": lambda aws: plain(aws.client("iam").get_role(RoleName="kept-role")),
    "role's policies": lambda aws: [
        aws.client("iam").list_attached_role_policies(RoleName="kept-role")["AttachedPolicies"],
        aws.client("iam").get_role_policy(RoleName="kept-role", PolicyName="own")["PolicyDocument"],
    ],
    "access keys": lambda aws: aws.client("iam").list_access_keys(UserName="kept-user")["AccessKeyMetadata"],
    "networks": lambda aws: sorted(vpc["VpcId"] for vpc in aws.client("ec2").describe_vpcs()["Vpcs"]),
    "subnets": lambda aws: sorted(one["SubnetId"] for one in aws.client("ec2").describe_subnets()["Subnets"]),
    "security groups": lambda aws: len(aws.client("ec2").describe_security_groups()["SecurityGroups"]),
    "endpoints": lambda aws: len(aws.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]),
    "keys": lambda aws: [alias["AliasName"] for alias in aws.client("kms").list_aliases()["Aliases"]],
    "public key": lambda aws: aws.client("kms").get_public_key(KeyId="alias/signing")["PublicKey"],
    "stack": lambda aws: aws.client("cloudformation").describe_stacks(StackName="kept-stack")["Stacks"],
    "stack's resources": lambda aws: aws.client("cloudformation").describe_stack_resources(StackName="kept-stack")[
        "StackResources"
    ],
    "exports": lambda aws: aws.client("cloudformation").list_exports()["Exports"],
    "function": lambda aws: plain(aws.client("lambda").get_function_configuration(FunctionName="kept")),
    "metric": lambda aws: aws.client("cloudwatch").list_metrics(Namespace="kept")["Metrics"],
    "glue": lambda aws: aws.client("glue").get_table(DatabaseName="kept", Name="one")["Table"],
    "state machine": lambda aws: aws.client("stepfunctions").list_state_machines()["stateMachines"],
    "cluster": lambda aws: aws.client("ecs").list_clusters()["clusterArns"],
    "rule": lambda aws: aws.client("events").list_rules()["Rules"],
    "stream": lambda aws: aws.client("kinesis").list_streams()["StreamNames"],
}
