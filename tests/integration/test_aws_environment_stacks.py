"""Stacks with an environment that MWAA would not make: what is refused, what fails, and what is left of them.

No Airflow starts here: bucket, role and network are looked at before. The environments of `test_aws_cdk` do start.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.api.prerequisites.checks import ERROR_CODE, ERROR_MESSAGE
from tests.environments import LATEST, wait_until
from tests.integration.aws_endpoint import endpoint
from tests.integration.mwaa_service import MwaaService, mwaa_service
from tests.integration.stacks import Stacks, attribute, network, ref, resource, storage, template

pytestmark = pytest.mark.network
TIMEOUT_S = 300.0
NAME = "from-a-stack"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MwaaService]:
    with mwaa_service(tmp_path_factory.mktemp("mwaa")) as started:
        yield started


@pytest.fixture(scope="module")
def stacks(service: MwaaService) -> Stacks:
    return Stacks(service.aws)


def environment(more: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    members = {
        "Name": NAME,
        "AirflowVersion": LATEST,
        "DagS3Path": "dags",
        "ExecutionRoleArn": attribute("Role", "Arn"),
        "SourceBucketArn": attribute("Bucket", "Arn"),
        "NetworkConfiguration": {
            "SubnetIds": [ref("PrivateOne"), ref("PrivateTwo")],
            "SecurityGroupIds": [ref("Group")],
        },
    }
    return resource("MWAA::Environment", more, **members, **properties)


def everything(**changed: Any) -> dict[str, Any]:
    """Return a stack as it should be, with these resources changed or, if None, left out."""
    # The environment is not in a hurry: rules and routes are there when its network is looked at.
    whole = {**network(), **storage(), "Environment": environment({"DependsOn": ["Inside", "ToNat", "ToInternet"]})}
    return {name: one for name, one in {**whole, **changed}.items() if one is not None}


def failed(stacks: Stacks, name: str, resources: dict[str, Any]) -> str:
    """Deploy what cannot be; return why the environment was not made."""
    stacks.create(name, resources)
    assert settled(stacks, name) == "ROLLBACK_COMPLETE"
    assert set(stacks.statuses(name).values()) <= {"DELETE_COMPLETE", "CREATE_FAILED"}
    why = stacks.reason(name, "Environment", "CREATE_FAILED")
    stacks.delete(name)
    return why


def settled(stacks: Stacks, name: str) -> str:
    """Wait until nothing goes on in a stack; return its status."""
    deadline = time.monotonic() + TIMEOUT_S
    while (status := str(stacks.described(name)["StackStatus"])).endswith("_IN_PROGRESS"):
        assert time.monotonic() < deadline, stacks.events(name)
        time.sleep(0.5)
    return status


def test_a_network_without_a_way_out_fails_late_and_is_explained_in_the_events(
    service: MwaaService, stacks: Stacks
) -> None:
    resources = everything(ToNat=None, Nat=None, Address=None, Inside=None)
    resources["Environment"] = environment({"DependsOn": ["ToInternet"]})
    resources["Later"] = resource("SSM::Parameter", Name="/later", Type="String", Value=ref("Environment"))
    stacks.client.create_stack(StackName="narrow", TemplateBody=template(resources), OnFailure="DO_NOTHING")
    assert settled(stacks, "narrow") == "CREATE_FAILED"
    found = service.mwaa.get_environment(Name=NAME)["Environment"]
    assert found["Status"] == "CREATE_FAILED"
    assert found["LastUpdate"]["Error"] == {"ErrorCode": ERROR_CODE, "ErrorMessage": ERROR_MESSAGE}
    told = "\n".join(service.events(NAME))
    assert "has no NAT gateway, and its VPC no endpoint for s3, monitoring, logs, sqs" in told
    assert "no security group lets itself in" in told
    why = stacks.reason("narrow", "Environment", "CREATE_FAILED")
    assert why.startswith('Resource handler returned message: "Creation failed')
    assert ERROR_MESSAGE in why
    assert "Later" not in stacks.statuses("narrow")  # nothing that needs it was begun
    assert settled(stacks, stacks.delete("narrow")["StackId"]) == "DELETE_COMPLETE"
    assert service.mwaa.list_environments()["Environments"] == []


@pytest.mark.full
def test_a_stack_in_the_middle_of_an_environment_goes_on_after_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "kept-aws"
    copy = state / "kept" / "state"
    resources = everything(ToNat=None, Nat=None, Address=None, Inside=None)
    resources["Environment"] = environment({"DependsOn": ["ToInternet"]})
    with mwaa_service(tmp_path, state) as service:
        stacks = Stacks(service.aws)
        stacks.client.create_stack(StackName="narrow", TemplateBody=template(resources), OnFailure="DO_NOTHING")
        asked = time.time_ns()
        assert stacks.statuses("narrow")["Environment"] == "CREATE_IN_PROGRESS"
        wait_until(lambda: copy.exists() and copy.stat().st_mtime_ns > asked, 60, "a copy")
        service.aws.process.kill()
        service.aws.process.wait()
        port, socket_path = service.aws.port, service.aws.socket_path
        with endpoint(tmp_path, socket_path=socket_path, state=state, port=port) as again:
            stacks = Stacks(again)
            assert settled(stacks, "narrow") == "CREATE_FAILED"
            assert ERROR_MESSAGE in stacks.reason("narrow", "Environment", "CREATE_FAILED")
            assert settled(stacks, stacks.delete("narrow")["StackId"]) == "DELETE_COMPLETE"
            assert again.client("mwaa").list_environments()["Environments"] == []


def test_a_role_that_cannot_read_the_bucket_is_refused_in_the_services_words(stacks: Stacks) -> None:
    storing = storage()
    del storing["Role"]["Properties"]["ManagedPolicyArns"], storing["Role"]["Properties"]["Policies"]
    why = failed(stacks, "no-policy", everything(Role=storing["Role"]))
    assert "Invalid request provided: Provided role does not have sufficient permissions for s3 location" in why
    assert "/dags (Service: Mwaa, Status Code: 400" in why
    assert "HandlerErrorCode: InvalidRequest" in why


def test_a_role_that_mwaa_may_not_assume_is_refused(stacks: Stacks) -> None:
    storing = storage()
    storing["Role"]["Properties"]["AssumeRolePolicyDocument"] = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    why = failed(stacks, "no-trust", everything(Role=storing["Role"]))
    assert "Failed to assume role arn:aws:iam::000000000000:role/" in why


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("VersioningConfiguration", "versioning of the source bucket"),
        ("PublicAccessBlockConfiguration", "Provided bucket does not have BlockPublicAccess set for s3 bucket"),
    ],
)
def test_a_bucket_that_is_open_or_without_versions_is_refused(stacks: Stacks, left_out: str, said: str) -> None:
    storing = storage()
    if left_out.startswith("Public"):
        storing["Bucket"]["Properties"][left_out] = {"BlockPublicAcls": False}
    else:
        del storing["Bucket"]["Properties"][left_out]
    assert said in failed(stacks, f"bucket-{left_out.lower()}", everything(Bucket=storing["Bucket"]))


def test_a_template_that_does_not_fit_the_schema_is_refused(stacks: Stacks) -> None:
    why = failed(stacks, "misspelt", everything(Environment=environment(MaxWorker=3)))
    assert why == (
        "Properties validation failed for resource Environment with message:\n"
        "#: extraneous key [MaxWorker] is not permitted"
    )
