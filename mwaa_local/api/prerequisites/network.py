"""Subnets, their way out, and security groups (MWAA user guide, "About networking on Amazon MWAA")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mwaa_local.api.aws_query import Aws, listed

ZONES = 2
ANYWHERE = "0.0.0.0/0"
INTERNET_GATEWAY, NAT_GATEWAY = "igw-", "nat-"
EVERY_PROTOCOL = "-1"
PORTS = (443, 5432)  # of the web server and the database, which are reached through the group itself
# Without a way to the internet (same guide, "Creating the required VPC service endpoints"); airflow.ops is for metrics
# that the service does not take any more.
SERVICES = ("s3", "monitoring", "logs", "sqs", "kms", "airflow.api", "airflow.env")


@dataclass(frozen=True)
class Fault:
    """One thing that a network lacks, in our words."""

    what: str
    hint: str = ""


@dataclass(frozen=True)
class Subnet:
    """A subnet, with the routes that hold for it: where to, and the id of what is there."""

    id: str
    vpc: str
    zone: str
    routes: tuple[tuple[str, str], ...]

    @property
    def is_public(self) -> bool:
        return any(target.startswith(INTERNET_GATEWAY) for _, target in self.routes)

    @property
    def nat(self) -> str:
        """The NAT gateway through which it reaches the internet, if there is one."""
        found = (target for destination, target in self.routes if destination == ANYWHERE)
        return next((target for target in found if target.startswith(NAT_GATEWAY)), "")


@dataclass(frozen=True)
class Group:
    """A security group: what of itself it lets in, as (protocol, first port, last port), and whether it lets out."""

    id: str
    vpc: str
    from_itself: tuple[tuple[str, int, int], ...]
    lets_out: bool

    @property
    def lets_itself_in(self) -> bool:
        return all(
            any(
                protocol == EVERY_PROTOCOL or (protocol == "tcp" and first <= port <= last)
                for protocol, first, last in self.from_itself
            )
            for port in PORTS
        )


@dataclass(frozen=True)
class Network:
    """What EC2 knows of an environment's network."""

    subnets: tuple[Subnet, ...]
    groups: tuple[Group, ...]
    nats: Mapping[str, bool]  # id -> whether it is there, in a public subnet
    services: frozenset[str]  # with an endpoint in the VPC, without "com.amazonaws.REGION."

    @classmethod
    def read(cls, aws: Aws, configuration: Mapping[str, Any]) -> Network:
        """Ask EC2. Raises NoAnswer."""
        subnets = _subnets(aws, configuration.get("SubnetIds") or ())
        groups = _groups(aws, configuration.get("SecurityGroupIds") or ())
        vpcs = sorted({subnet.vpc for subnet in subnets})
        return cls(subnets, groups, _nats(aws, subnets), _services(aws, vpcs) if vpcs else frozenset())

    @property
    def is_known(self) -> bool:
        """Whether anything of it is in this EC2; if not, it is the network of another AWS."""
        return bool(self.subnets or self.groups)


def faults(network: Network, configuration: Mapping[str, Any]) -> list[Fault]:
    """Return what an environment would lack in that network."""
    wanted = list(configuration.get("SubnetIds") or ())
    found = [
        *_absent("subnet", wanted, network.subnets),
        *_absent("security group", configuration.get("SecurityGroupIds") or (), network.groups),
    ]
    zones = {subnet.zone for subnet in network.subnets}
    if len(network.subnets) == len(wanted) and len(zones) < ZONES:
        found.append(Fault(f"the subnets are all in {_words(zones)}", f"use private subnets of {ZONES} zones"))
    vpcs = {subnet.vpc for subnet in network.subnets} | {group.vpc for group in network.groups}
    if len(vpcs) > 1:
        found.append(Fault(f"subnets and security groups are of several VPCs: {_words(vpcs)}"))
    for subnet in network.subnets:
        found += _faults_of_subnet(subnet, network)
    return [*found, *_faults_of_groups(network.groups)]


def _faults_of_subnet(subnet: Subnet, network: Network) -> list[Fault]:
    if subnet.is_public:
        hint = "use a subnet whose route table has no internet gateway"
        return [Fault(f"{subnet.id} is public: its routes lead to an internet gateway", hint)]
    if subnet.nat:
        if network.nats.get(subnet.nat):
            return []
        hint = "make a NAT gateway in a public subnet, and a route to it"
        return [Fault(f"{subnet.id} has a route to {subnet.nat}, which is not in a public subnet, or is gone", hint)]
    if missing := [name for name in SERVICES if name not in network.services]:
        hint = "give it a route to a NAT gateway, or its VPC these endpoints"
        return [Fault(f"{subnet.id} has no NAT gateway, and its VPC no endpoint for {', '.join(missing)}", hint)]
    return []


def _faults_of_groups(groups: Sequence[Group]) -> list[Fault]:
    found = []
    if groups and not any(group.lets_itself_in for group in groups):
        hint = "add an inbound rule whose source is the group itself, for all traffic or for TCP 443 and 5432"
        found.append(Fault(f"no security group lets itself in: {_words(group.id for group in groups)}", hint))
    if groups and not any(group.lets_out for group in groups):
        found.append(Fault(f"no security group lets traffic out: {_words(group.id for group in groups)}"))
    return found


def _absent(kind: str, wanted: Iterable[str], known: Iterable[Subnet | Group]) -> list[Fault]:
    ids = {part.id for part in known}
    return [Fault(f"{kind} {name} does not exist") for name in wanted if name not in ids]


def _subnets(aws: Aws, ids: Sequence[str]) -> tuple[Subnet, ...]:
    found = listed(aws.ec2("DescribeSubnets", {"subnet-id": ids}).get("subnetSet")) if ids else []
    return tuple(
        Subnet(one["subnetId"], one["vpcId"], one["availabilityZone"], _routes(aws, one["subnetId"], one["vpcId"]))
        for one in found
    )


def _routes(aws: Aws, subnet: str, vpc: str) -> tuple[tuple[str, str], ...]:
    """Return the routes of the subnet's own table, or of the VPC's main one."""
    for filters in ({"association.subnet-id": [subnet]}, {"vpc-id": [vpc], "association.main": ["true"]}):
        if tables := listed(aws.ec2("DescribeRouteTables", filters).get("routeTableSet")):
            break
    else:
        return ()
    return tuple(
        (route.get("destinationCidrBlock", ""), route.get("natGatewayId") or route.get("gatewayId") or "")
        for table in tables
        for route in listed(table.get("routeSet"))
    )


def _nats(aws: Aws, subnets: Iterable[Subnet]) -> dict[str, bool]:
    ids = sorted({subnet.nat for subnet in subnets if subnet.nat})
    if not ids:
        return {}
    gateways = listed(aws.ec2("DescribeNatGateways", {"nat-gateway-id": ids}).get("natGatewaySet"))
    there = {one["natGatewayId"]: one["subnetId"] for one in gateways if one.get("state") == "available"}
    public = {subnet.id for subnet in _subnets(aws, sorted(set(there.values()))) if subnet.is_public}
    return {name: there.get(name) in public for name in ids}


def _services(aws: Aws, vpcs: Sequence[str]) -> frozenset[str]:
    endpoints = listed(aws.ec2("DescribeVpcEndpoints", {"vpc-id": vpcs}).get("vpcEndpointSet"))
    names = (str(one.get("serviceName", "")) for one in endpoints if one.get("state") == "available")
    return frozenset(name.split(".", 3)[3] for name in names if name.count(".") >= 3)


def _groups(aws: Aws, ids: Sequence[str]) -> tuple[Group, ...]:
    found = listed(aws.ec2("DescribeSecurityGroups", {"group-id": ids}).get("securityGroupInfo")) if ids else []
    return tuple(_group(one) for one in found)


def _group(one: Mapping[str, Any]) -> Group:
    name = one["groupId"]
    rules = listed(one.get("ipPermissions"))
    own = [rule for rule in rules if name in {pair.get("groupId") for pair in listed(rule.get("groups"))}]
    ports = tuple((rule["ipProtocol"], int(rule.get("fromPort") or 0), int(rule.get("toPort") or 0)) for rule in own)
    return Group(name, one["vpcId"], ports, bool(listed(one.get("ipPermissionsEgress"))))


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
