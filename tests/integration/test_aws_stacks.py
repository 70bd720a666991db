"""Stacks of the local CloudFormation without an environment in them: order, waiting, rollback, and nothing left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.aws_endpoint import Endpoint, endpoint
from tests.integration.stacks import Stacks, attribute, network, ref, resource, storage, template

pytestmark = pytest.mark.network  # moto's packages, once
TAKEN = "a-bucket-of-somebody"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), {"buckets": [TAKEN]}) as started:
        yield started


@pytest.fixture(scope="module")
def stacks(aws: Endpoint) -> Stacks:
    return Stacks(aws)


def parameter(name: str, value: Any, more: dict[str, Any] | None = None) -> dict[str, Any]:
    return resource("SSM::Parameter", more, Name=name, Type="String", Value=value)


def failing(*needs: str) -> dict[str, Any]:
    """Return a resource that cannot be made, after others."""
    return resource("SNS::Topic", {"DependsOn": list(needs)}, TopicName="a name with spaces")


def value_of(aws: Endpoint, name: str) -> str | None:
    ssm = aws.client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def left(aws: Endpoint) -> dict[str, Any]:
    """Return all that a network, a bucket and a role consist of."""
    ec2 = aws.client("ec2")
    gateways = ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["available"]}])
    return {
        "vpcs": [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]],
        "subnets": [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]],
        "tables": [one["RouteTableId"] for one in ec2.describe_route_tables()["RouteTables"]],
        "groups": [one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]],
        "gateways": [one["InternetGatewayId"] for one in ec2.describe_internet_gateways()["InternetGateways"]],
        "nats": [one["NatGatewayId"] for one in gateways["NatGateways"]],
        "addresses": [one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]],
        "interfaces": [one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]],
        "buckets": [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]],
        "roles": [one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]],
    }


def test_a_network_is_what_its_template_says_and_leaves_nothing(aws: Endpoint, stacks: Stacks) -> None:
    before = left(aws)
    created = stacks.create("network", {**network(), **storage()})
    assert created["StackStatus"] == "CREATE_COMPLETE"
    ids = stacks.ids("network")
    ec2, s3, iam = aws.client("ec2"), aws.client("s3"), aws.client("iam")
    table = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [ids["PrivateOne"]]}])
    assert ids["Nat"] in [route.get("NatGatewayId") for route in table["RouteTables"][0]["Routes"]]
    rules = ec2.describe_security_groups(GroupIds=[ids["Group"]])["SecurityGroups"][0]["IpPermissions"]
    assert {rule["IpProtocol"] for rule in rules} == {"-1", "tcp"}
    assert ec2.describe_vpc_attribute(VpcId=ids["Vpc"], Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    assert s3.get_bucket_versioning(Bucket=ids["Bucket"])["Status"] == "Enabled"
    block = s3.get_public_access_block(Bucket=ids["Bucket"])["PublicAccessBlockConfiguration"]
    assert block["RestrictPublicBuckets"] is True
    attached = iam.list_attached_role_policies(RoleName=ids["Role"])["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["ReadOnlyAccess"]
    assert stacks.delete("network")["StackStatus"] == "DELETE_COMPLETE"
    assert left(aws) == before


def test_events_tell_of_each_resource_in_the_order_in_which_it_was_needed(stacks: Stacks) -> None:
    stacks.create("order", {"Late": parameter("/late", ref("Early")), "Early": parameter("/early", "1")})
    events = stacks.events("order")
    assert [event[:2] for event in events] == [
        ("order", "CREATE_IN_PROGRESS"),
        ("Early", "CREATE_IN_PROGRESS"),
        ("Early", "CREATE_IN_PROGRESS"),
        ("Early", "CREATE_COMPLETE"),
        ("Late", "CREATE_IN_PROGRESS"),
        ("Late", "CREATE_IN_PROGRESS"),
        ("Late", "CREATE_COMPLETE"),
        ("order", "CREATE_COMPLETE"),
    ]
    times = [one["Timestamp"] for one in stacks.client.describe_stack_events(StackName="order")["StackEvents"]]
    assert times == sorted(set(times), reverse=True)


def test_a_failure_takes_back_what_was_made(aws: Endpoint, stacks: Stacks) -> None:
    before = left(aws)
    created = stacks.create("failing", {**network(), **storage(), "Bad": failing("Nat", "Role", "Bucket")})
    assert created["StackStatus"] == "ROLLBACK_COMPLETE"
    assert left(aws) == before
    events = {event[:2]: event[2] for event in stacks.events("failing")}
    assert events["failing", "ROLLBACK_IN_PROGRESS"] == (
        "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    )
    assert "Topic names must be" in events["Bad", "CREATE_FAILED"]
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update("failing", storage())
    stacks.delete("failing")
    stacks.create("failing", {"Good": parameter("/good", "1")})


@pytest.mark.parametrize(
    ("wanted", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")], ids=str.lower
)
def test_on_failure_is_obeyed(aws: Endpoint, stacks: Stacks, wanted: str, status: str) -> None:
    name = f"on-failure-{wanted}".replace("_", "-")
    resources = {"Kept": parameter("/kept", "1"), "Bad": failing("Kept")}
    started = stacks.client.create_stack(StackName=name, TemplateBody=template(resources), OnFailure=wanted)
    assert stacks.described(started["StackId"])["StackStatus"] == status
    assert value_of(aws, "/kept") == ("1" if wanted == "DO_NOTHING" else None)
    stacks.client.delete_stack(StackName=name)


def test_a_failed_update_takes_back_what_was_changed_made_and_left_out(aws: Endpoint, stacks: Stacks) -> None:
    first = {"One": parameter("/one", "1"), "Two": parameter("/two", "2")}
    stacks.create("changing", first, outputs={"Name": {"Value": ref("One")}})
    second = {"One": parameter("/one", "changed"), "Three": parameter("/three", "3"), "Bad": failing("One", "Three")}
    updated = stacks.update("changing", second)
    assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [value_of(aws, name) for name in ("/one", "/two", "/three")] == ["1", "2", None]
    assert stacks.outputs("changing") == {"Name": "/one"}
    third = {"One": parameter("/one", "changed")}
    assert stacks.update("changing", third)["StackStatus"] == "UPDATE_COMPLETE"
    assert [value_of(aws, name) for name in ("/one", "/two")] == ["changed", None]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update("changing", third)


def test_a_changed_security_group_stays_the_one_that_others_name(aws: Endpoint, stacks: Stacks) -> None:
    resources = network()
    stacks.create("group", resources)
    before = stacks.ids("group")["Group"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
    resources["Group"]["Properties"]["SecurityGroupIngress"] = [rule]
    assert stacks.update("group", resources)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.ids("group")["Group"] == before
    groups = aws.client("ec2").describe_security_groups(GroupIds=[before])["SecurityGroups"]
    assert sorted(rule.get("FromPort", 0) for rule in groups[0]["IpPermissions"]) == [0, 443]
    stacks.delete("group")


def test_a_bucket_with_objects_keeps_its_stack(aws: Endpoint, stacks: Stacks) -> None:
    stacks.create("full", storage())
    s3, bucket = aws.client("s3"), stacks.ids("full")["Bucket"]
    s3.put_object(Bucket=bucket, Key="dags/a.py", Body=b"")
    s3.delete_object(Bucket=bucket, Key="dags/a.py")  # which leaves its versions
    deleted = stacks.delete("full")
    assert deleted["StackStatus"] == "DELETE_FAILED"
    assert deleted["StackStatusReason"].startswith("The following resource(s) failed to delete: [Bucket]")
    assert "not empty" in {event[0]: event[2] for event in stacks.events("full")}["Bucket"]
    assert stacks.delete("full", RetainResources=["Bucket"])["StackStatus"] == "DELETE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_what_is_to_be_retained_stays(aws: Endpoint, stacks: Stacks) -> None:
    stacks.create("retaining", {"Kept": parameter("/retained", "1", {"DeletionPolicy": "Retain"})})
    stacks.delete("retaining")
    assert value_of(aws, "/retained") == "1"


def test_stacks_import_what_others_export_and_keep_it_there(aws: Endpoint, stacks: Stacks) -> None:
    outputs = {"Shared": {"Value": "10.0.0.0/16", "Export": {"Name": "the-network"}}}
    body = template({"One": parameter("/exported", "1")}, outputs)
    change_set(stacks, "exporting", body)
    stacks.create("importing", {"Two": parameter("/imported", {"Fn::ImportValue": "the-network"})})
    assert value_of(aws, "/imported") == "10.0.0.0/16"
    with pytest.raises(ClientError, match="Export the-network cannot be deleted as it is in use by importing"):
        stacks.client.delete_stack(StackName="exporting")
    stacks.delete("importing")
    assert stacks.delete("exporting")["StackStatus"] == "DELETE_COMPLETE"


def change_set(stacks: Stacks, name: str, body: str, kind: str = "CREATE") -> dict[str, Any]:
    """Deploy as CDK and `aws cloudformation deploy` do, under a name that is the same for every stack."""
    names = {"StackName": name, "ChangeSetName": "deploy"}
    stacks.client.create_change_set(**names, TemplateBody=body, ChangeSetType=kind)
    described: dict[str, Any] = stacks.client.describe_change_set(**names)
    assert described["StackName"] == name
    stacks.client.execute_change_set(**names)
    return stacks.described(name)


def test_change_sets_of_one_name_belong_to_their_stacks(aws: Endpoint, stacks: Stacks) -> None:
    for name in ("left", "right"):
        body = template({"One": parameter(f"/{name}", "1")}, {"Is": {"Value": ref("One")}})
        assert change_set(stacks, name, body)["StackStatus"] == "CREATE_COMPLETE"
        assert stacks.outputs(name) == {"Is": f"/{name}"}
    stacks.client.delete_change_set(StackName="left", ChangeSetName="deploy")
    stacks.client.delete_change_set(StackName="left", ChangeSetName="deploy")  # as CDK does before each deploy
    changed = template({"One": parameter("/left", "2")})
    assert change_set(stacks, "left", changed, "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert (value_of(aws, "/left"), value_of(aws, "/right")) == ("2", "1")
    found = stacks.client.list_change_sets(StackName="right")["Summaries"]
    assert [one["StackName"] for one in found] == ["right"]


def test_a_parameter_of_ssm_is_read_again_when_it_is_used_again(aws: Endpoint, stacks: Stacks) -> None:
    aws.client("ssm").put_parameter(Name="/version", Type="String", Value="21")
    body = {
        "Parameters": {"Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"}},
        "Resources": {"One": parameter("/copied", ref("Version"))},
    }
    stacks.client.create_stack(StackName="reading", TemplateBody=str(body).replace("'", '"'))
    assert value_of(aws, "/copied") == "21"
    aws.client("ssm").put_parameter(Name="/version", Type="String", Value="22", Overwrite=True)
    body["Resources"]["Two"] = parameter("/other", "1")
    again = [{"ParameterKey": "Version", "UsePreviousValue": True}]
    text = str(body).replace("'", '"')
    stacks.client.update_stack(StackName="reading", TemplateBody=text, Parameters=again)
    assert value_of(aws, "/copied") == "22"


def test_a_nested_stack_is_made_changed_and_deleted_with_its_parent(aws: Endpoint, stacks: Stacks) -> None:
    s3 = aws.client("s3")

    def nested(value: str) -> dict[str, Any]:
        body = template({"Inner": parameter("/inner", value)}, {"Name": {"Value": ref("Inner")}})
        s3.put_object(Bucket=TAKEN, Key=f"{value}.json", Body=body.encode())
        child = resource("CloudFormation::Stack", TemplateURL=f"{aws.url}/{TAKEN}/{value}.json")
        return {"Child": child, "Outer": parameter("/outer", attribute("Child", "Outputs.Name"))}

    stacks.create("parent", nested("one"))
    child = stacks.ids("parent")["Child"]
    assert (value_of(aws, "/inner"), value_of(aws, "/outer")) == ("one", "/inner")
    assert stacks.update("parent", nested("two"))["StackStatus"] == "UPDATE_COMPLETE"
    assert (value_of(aws, "/inner"), stacks.ids("parent")["Child"]) == ("two", child)
    stacks.delete("parent")
    assert value_of(aws, "/inner") is None
    assert stacks.described(child)["StackStatus"] == "DELETE_COMPLETE"


def test_what_this_machine_cannot_have_is_told(stacks: Stacks) -> None:
    custom = {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn:aws:lambda:us-east-1:1:function:f"}}
    assert stacks.create("custom", {"Thing": custom})["StackStatus"] == "ROLLBACK_COMPLETE"
    events = {event[:2]: event[2] for event in stacks.events("custom")}
    assert "needs a Lambda function that runs" in events["Thing", "CREATE_FAILED"]
    stacks.create("unknown", {"Thing": resource("Made::Up"), "After": parameter("/after", "1", {"DependsOn": "Thing"})})
    events = {event[:2]: event[2] for event in stacks.events("unknown")}
    assert events["Thing", "CREATE_COMPLETE"] == "mwaa-local: not made, since the local AWS has no AWS::Made::Up"


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (
            {"A": parameter("/a", ref("B")), "B": parameter("/b", ref("A"))},
            "Circular dependency between resources: [A, B]",
        ),
        ({"A": parameter("/a", ref("Nobody"))}, "Nobody"),
        ({"A": []}, "cannot read this template"),
    ],
    ids=["circular", "unresolved", "not-a-resource"],
)
def test_a_template_that_is_wrong_makes_nothing(stacks: Stacks, resources: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationError") as caught:
        stacks.create("wrong", resources)
    assert said in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="does not exist"):
        stacks.described("wrong")


def test_a_protected_stack_is_not_deleted(stacks: Stacks) -> None:
    stacks.create("protected", {"One": parameter("/protected", "1")}, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.client.delete_stack(StackName="protected")


def test_who_looks_for_the_trail_of_a_failure_gets_an_answer(aws: Endpoint) -> None:
    assert aws.client("cloudtrail").lookup_events()["Events"] == []
