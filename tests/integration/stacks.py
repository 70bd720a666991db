"""Templates, and what is asked of CloudFormation about their stacks, by botocore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.integration.aws_endpoint import REGION, Endpoint

ANYWHERE = "0.0.0.0/0"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["airflow.amazonaws.com", "airflow-env.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ]
}
# What the MWAA user guide has an execution role grant.
EXECUTION_POLICY = {
    "Statement": [
        {"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject*", "s3:GetBucket*", "s3:List*"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:CreateLogGroup",
                "logs:PutLogEvents",
                "logs:GetLogEvents",
                "logs:GetLogRecord",
                "logs:GetLogGroupFields",
                "logs:GetQueryResults",
            ],
            "Resource": f"arn:aws:logs:{REGION}:*:log-group:airflow-*",
        },
        {
            "Effect": "Allow",
            "Action": ["logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock", "cloudwatch:PutMetricData"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ],
            "Resource": f"arn:aws:sqs:{REGION}:*:airflow-celery-*",
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:Encrypt"],
            "NotResource": "arn:aws:kms:*:000000000000:key/*",
            "Condition": {"StringLike": {"kms:ViaService": [f"sqs.{REGION}.amazonaws.com"]}},
        },
    ]
}


def resource(kind: str, more: Mapping[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties, **(more or {})}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def attribute(name: str, attribute_name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute_name]}


def subnet(name: str, number: int, zone: str, table: str) -> dict[str, Any]:
    cidr = f"10.0.{number}.0/24"
    return {
        name: resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}"),
        f"{name}Table": resource("EC2::SubnetRouteTableAssociation", SubnetId=ref(name), RouteTableId=ref(table)),
    }


def network() -> dict[str, Any]:
    """Return the resources of a network as MWAA wants one, with a NAT gateway."""
    gateway = {"DependsOn": "Attachment"}
    return {
        # The order is not the one in which they can be made.
        "Inside": resource(
            "EC2::SecurityGroupIngress",
            GroupId=ref("Group"),
            IpProtocol="-1",
            SourceSecurityGroupId=ref("Group"),
        ),
        "Group": resource(
            "EC2::SecurityGroup",
            GroupDescription="for MWAA",
            VpcId=ref("Vpc"),
            SecurityGroupIngress=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/16"}],
        ),
        **subnet("PrivateOne", 1, "a", "Private"),
        **subnet("PrivateTwo", 2, "b", "Private"),
        **subnet("Outside", 3, "a", "Public"),
        "ToNat": resource(
            "EC2::Route", RouteTableId=ref("Private"), DestinationCidrBlock=ANYWHERE, NatGatewayId=ref("Nat")
        ),
        "ToInternet": resource(
            "EC2::Route", gateway, RouteTableId=ref("Public"), DestinationCidrBlock=ANYWHERE, GatewayId=ref("Gateway")
        ),
        "Private": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Public": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Nat": resource("EC2::NatGateway", AllocationId=attribute("Address", "AllocationId"), SubnetId=ref("Outside")),
        "Address": resource("EC2::EIP", Domain="vpc"),
        "Attachment": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        "Gateway": resource("EC2::InternetGateway"),
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16", EnableDnsHostnames=True),
    }


def storage() -> dict[str, Any]:
    """Return a bucket and a role as MWAA wants them."""
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return {
        "Bucket": resource(
            "S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            PublicAccessBlockConfiguration=dict.fromkeys(blocks, True),
        ),
        "Role": resource(
            "IAM::Role",
            AssumeRolePolicyDocument=TRUST,
            ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            Policies=[{"PolicyName": "own", "PolicyDocument": EXECUTION_POLICY}],
        ),
    }


class Stacks:
    """CloudFormation of one endpoint."""

    def __init__(self, aws: Endpoint) -> None:
        self.client = aws.client("cloudformation")

    def create(self, name: str, resources: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        self.client.create_stack(StackName=name, TemplateBody=template(resources, more.pop("outputs", None)), **more)
        return self.described(name)

    def update(self, name: str, resources: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        self.client.update_stack(StackName=name, TemplateBody=template(resources, more.pop("outputs", None)), **more)
        return self.described(name)

    def delete(self, name: str, **more: Any) -> dict[str, Any]:
        """Delete a stack and return what is said of it then."""
        stack_id = self.described(name)["StackId"]
        self.client.delete_stack(StackName=name, **more)
        return self.described(stack_id)

    def described(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def outputs(self, name: str) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.described(name).get("Outputs", [])}

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """Return logical id, status and reason of each event, the oldest first."""
        events = self.client.describe_stack_events(StackName=name)["StackEvents"]
        told = [
            (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", "")) for one in events
        ]
        return told[::-1]

    def reason(self, name: str, resource_name: str, status: str) -> str:
        return {event[:2]: event[2] for event in self.events(name)}[resource_name, status]

    def ids(self, name: str) -> dict[str, str]:
        found = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    def statuses(self, name: str) -> dict[str, str]:
        found = self.client.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one["ResourceStatus"] for one in found}


def template(resources: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> str:
    more = {"Outputs": outputs} if outputs else {}
    return json.dumps({"Resources": resources, **more})
