"""What a network lacks for MWAA."""

from __future__ import annotations

from dataclasses import replace

from mwaa_local.api.prerequisites.network import ANYWHERE, SERVICES, Group, Network, Subnet, faults

TO_NAT = ((ANYWHERE, "nat-1"), ("10.0.0.0/16", "local"))
ONE, TWO = (Subnet(f"subnet-{zone}", "vpc-1", zone, TO_NAT) for zone in "ab")
GROUP = Group("sg-1", "vpc-1", (("-1", 0, 0),), lets_out=True)
GOOD = Network((ONE, TWO), (GROUP,), {"nat-1": True}, frozenset())
WANTED = {"SubnetIds": [ONE.id, TWO.id], "SecurityGroupIds": [GROUP.id]}


def told(network: Network) -> list[str]:
    return [fault.what for fault in faults(network, WANTED)]


def with_subnet(subnet: Subnet) -> Network:
    return replace(GOOD, subnets=(ONE, subnet))


def test_a_network_as_the_guide_wants_it_lacks_nothing() -> None:
    assert told(GOOD) == []
    isolated = replace(GOOD, subnets=tuple(replace(one, routes=()) for one in (ONE, TWO)), services=frozenset(SERVICES))
    assert told(isolated) == []
    ports = replace(GROUP, from_itself=(("tcp", 443, 443), ("tcp", 5000, 6000)))
    assert told(replace(GOOD, groups=(ports,))) == []


def test_each_thing_that_is_missing_is_told() -> None:
    assert told(with_subnet(replace(TWO, zone="a"))) == ["the subnets are all in a"]
    assert told(with_subnet(replace(TWO, vpc="vpc-2"))) == [
        "subnets and security groups are of several VPCs: vpc-1, vpc-2"
    ]
    assert told(with_subnet(replace(TWO, routes=((ANYWHERE, "igw-1"),)))) == [
        "subnet-b is public: its routes lead to an internet gateway"
    ]
    assert told(replace(GOOD, subnets=(ONE,))) == ["subnet subnet-b does not exist"]
    assert told(replace(GOOD, groups=())) == ["security group sg-1 does not exist"]


def test_a_way_out_has_to_lead_somewhere() -> None:
    said = "subnet-a has a route to nat-1, which is not in a public subnet, or is gone"
    assert told(replace(GOOD, subnets=(ONE,), nats={"nat-1": False}))[-1] == said
    closed = with_subnet(replace(TWO, routes=()))
    assert told(closed) == [f"subnet-b has no NAT gateway, and its VPC no endpoint for {', '.join(SERVICES)}"]
    some = replace(closed, services=frozenset({"s3", "sqs", "logs", "monitoring", "kms"}))
    assert told(some) == ["subnet-b has no NAT gateway, and its VPC no endpoint for airflow.api, airflow.env"]


def test_a_group_has_to_let_itself_in_and_traffic_out() -> None:
    other = replace(GROUP, from_itself=(("tcp", 443, 443), ("udp", 5432, 5432)))
    assert told(replace(GOOD, groups=(other,))) == ["no security group lets itself in: sg-1"]
    assert told(replace(GOOD, groups=(other, replace(GROUP, id="sg-2")))) == []
    assert told(replace(GOOD, groups=(replace(GROUP, lets_out=False),))) == ["no security group lets traffic out: sg-1"]
