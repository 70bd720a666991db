"""An environment whose owner makes the VPC endpoints waits for them in PENDING; EC2 is moto's, asked by boto3.

Creation is made to fail just before Airflow would start.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mwaa_local.api.environments.registry import Registry
from tests.integration.aws_server import aws, client  # noqa: F401 - a fixture
from tests.unit.api.environments.served_environments import (
    GONE,
    NAME,
    let_creation_fail,
    members,
    status,
    wait_for,
    wait_until,
    workers_of,
)

pytestmark = pytest.mark.network
REGION = "us-east-1"


@pytest.fixture
def registry(tmp_path: Path, clean_env: dict[str, str], aws: str) -> Registry:  # noqa: F811
    s3 = client("s3", aws)
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    registry = Registry.of_folder(tmp_path / "environments", {**clean_env, "AWS_ENDPOINT_URL": aws})
    let_creation_fail(registry)
    return registry


def make_endpoint(url: str, service: str) -> None:
    ec2 = client("ec2", url)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_vpc_endpoint(VpcEndpointType="Interface", VpcId=vpc, ServiceName=service)


def test_environment_waits_until_both_endpoints_are_there(registry: Registry, aws: str) -> None:  # noqa: F811
    registry.create(members(EndpointManagement="CUSTOMER"))
    assert wait_for(registry, "PENDING") == ["CREATING", "PENDING"]
    wait_until(lambda: not workers_of(registry.folder))  # nobody has to run for 72 hours
    services = registry.find(NAME).answered(REGION)
    assert sorted(services) == ["DatabaseVpcEndpointService", "WebserverVpcEndpointService"]
    assert services["DatabaseVpcEndpointService"].startswith(f"com.amazonaws.vpce.{REGION}.vpce-svc-")
    assert services["DatabaseVpcEndpointService"] in registry.find(NAME).events[-1].what
    make_endpoint(aws, services["DatabaseVpcEndpointService"])
    for _ in range(4):
        time.sleep(0.5)
        assert status(registry) == "PENDING"
    make_endpoint(aws, services["WebserverVpcEndpointService"])
    assert wait_for(registry, "CREATE_FAILED")[-2:] == ["CREATING", "CREATE_FAILED"]
    assert "made to fail" in registry.find(NAME).events[-1].what


def test_public_web_server_has_one_endpoint(registry: Registry) -> None:
    registry.create(members(EndpointManagement="CUSTOMER", WebserverAccessMode="PUBLIC_ONLY"))
    wait_for(registry, "PENDING")
    assert list(registry.find(NAME).answered(REGION)) == ["DatabaseVpcEndpointService"]
    registry.find(NAME).delete()
    wait_for(registry, GONE)


def test_waiting_environment_can_be_deleted(registry: Registry) -> None:
    registry.create(members(EndpointManagement="CUSTOMER"))
    wait_for(registry, "PENDING")
    registry.find(NAME).delete()
    assert wait_for(registry, GONE)[-1] == GONE
    assert registry.names() == []


AGAIN = f"; aws mwaa delete-environment --name {NAME}, then create it again"


def test_missing_bucket_is_named(registry: Registry) -> None:
    registry.create(members(SourceBucketArn="arn:aws:s3:::nobody-made-it"))
    wait_for(registry, "CREATE_FAILED")
    served = registry.find(NAME)
    failure = next(event for event in served.events if event.is_failure)
    assert "the bucket nobody-made-it does not exist" in failure.what
    assert failure.hint == f"aws s3 mb s3://nobody-made-it, and upload the environment's files to it{AGAIN}"
    assert served.last_update is not None
    assert served.last_update["Error"]["ErrorCode"] == "mwaa-local.BucketMissing"


@pytest.mark.parametrize(
    ("more", "what", "hint"),
    [
        ({}, "s3://bucket/reqs.txt does not exist", "upload it: aws s3 cp FILE s3://bucket/reqs.txt"),
        (
            {"RequirementsS3ObjectVersion": "none"},
            "Unable to read version none of file reqs.txt",  # MWAA's words
            "name a version that there is: aws s3api list-object-versions --bucket bucket",
        ),
    ],
)
def test_missing_object_is_named(registry: Registry, more: dict[str, str], what: str, hint: str) -> None:
    registry.create(members(RequirementsS3Path="reqs.txt", **more))
    wait_for(registry, "CREATE_FAILED")
    served = registry.find(NAME)
    failure = next(event for event in served.events if event.is_failure)
    assert (failure.what, failure.hint) == (f"create failed: {what}", f"{hint}{AGAIN}")
    assert served.last_update is not None
    assert served.last_update["Error"]["ErrorCode"] == f"mwaa-local.{'VersionMissing' if more else 'ObjectMissing'}"


def test_bucket_without_dags_is_told(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    told = [event.what for event in registry.find(NAME).events]
    assert "s3://bucket/dags holds no file, so the environment has no DAGs" in told
