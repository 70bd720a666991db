"""EC2: real associations of route tables, rules of security groups changed in place, and all of a network deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.ec2.models import ec2_backends  # type: ignore[import-not-found]

from . import Mend, Properties, Where

ASSOCIATION = "mwaa_local_association_id"  # kept at moto's object, which has none
EVERY_PROTOCOL = "-1"


def _backend(where: Where) -> Any:
    return ec2_backends[where.account_id][where.region]


def _rules(properties: Properties, key: str) -> list[Properties]:
    value = properties.get(key) or []
    return list(value) if isinstance(value, list) else [value]


def _call(group_id: str, rule: Properties, *, is_egress: bool) -> dict[str, Any]:
    """Return a rule of a template as moto's backend takes it."""
    source = {"GroupId": rule.get("DestinationSecurityGroupId" if is_egress else "SourceSecurityGroupId")}
    if not is_egress and rule.get("SourceSecurityGroupName"):
        source = {"GroupName": rule["SourceSecurityGroupName"]}
    ranges = [{key: rule[key]} for key in ("CidrIp", "CidrIpv6") if rule.get(key)]
    for cidr in ranges:
        if rule.get("Description"):
            cidr["Description"] = rule["Description"]
    protocol = str(rule["IpProtocol"])
    has_ports = protocol != EVERY_PROTOCOL
    return {
        "group_name_or_id": group_id,
        "ip_protocol": protocol,
        "from_port": rule.get("FromPort") if has_ports else None,
        "to_port": rule.get("ToPort") if has_ports else None,
        "ip_ranges": ranges,
        "source_groups": [source] if any(source.values()) else [],
    }


def _allow(where: Where, group_id: str, rules: Iterable[Properties], *, is_egress: bool) -> None:
    backend = _backend(where)
    authorize = backend.authorize_security_group_egress if is_egress else backend.authorize_security_group_ingress
    for rule in rules:
        authorize(**_call(group_id, rule, is_egress=is_egress))


def _withdraw(where: Where, group_id: str, rules: Iterable[Properties], *, is_egress: bool) -> None:
    backend = _backend(where)
    revoke = backend.revoke_security_group_egress if is_egress else backend.revoke_security_group_ingress
    for rule in rules:
        revoke(**_call(group_id, rule, is_egress=is_egress))


def _group_created(where: Where, group: Any, properties: Properties) -> None:
    _allow(where, group.id, _rules(properties, "SecurityGroupIngress"), is_egress=False)
    if egress := _rules(properties, "SecurityGroupEgress"):
        # A template that names egress rules has those alone: AWS then takes its own, which allows everything, away.
        group.egress_rules.clear()
        _allow(where, group.id, egress, is_egress=True)


def _group_updated(where: Where, group: Any, old: Properties, new: Properties) -> None:
    """Change rules in place: moto would make a new group, and whoever names the old one would lose it."""
    for key, is_egress in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
        before, after = _rules(old, key), _rules(new, key)
        _withdraw(where, group.id, [rule for rule in before if rule not in after], is_egress=is_egress)
        _allow(where, group.id, [rule for rule in after if rule not in before], is_egress=is_egress)
    _tagged(where, group, old, new)


def _group_deleted(where: Where, group: Any, _properties: Properties) -> None:
    _backend(where).delete_security_group(group_id=group.id)


def _tagged(where: Where, resource: Any, old: Properties, new: Properties) -> None:
    kept = {tag["Key"] for tag in new.get("Tags") or []}
    if gone := {tag["Key"]: None for tag in old.get("Tags") or [] if tag["Key"] not in kept}:
        _backend(where).delete_tags([resource.id], gone)
    _tags_added(resource, new)


def _tags_added(resource: Any, properties: Properties) -> None:
    for tag in properties.get("Tags") or []:
        resource.add_tag(tag["Key"], tag["Value"])


def _vpc_created(where: Where, vpc: Any, properties: Properties) -> None:
    for key, attribute in (("EnableDnsSupport", "enable_dns_support"), ("EnableDnsHostnames", "enable_dns_hostnames")):
        if key in properties:
            value = str(properties[key]).lower() == "true"
            _backend(where).modify_vpc_attribute(vpc.id, attribute, value)


def _subnet_created(where: Where, subnet: Any, properties: Properties) -> None:
    value = str(properties.get("MapPublicIpOnLaunch", "false")).lower() == "true"
    _backend(where).modify_subnet_attribute(subnet.id, "map_public_ip_on_launch", value)


def _associated(where: Where, association: Any, properties: Properties) -> None:
    """Tell the route table, which is where EC2's own calls look; moto notes it in a place of its own."""
    made = _backend(where).associate_route_table(properties["RouteTableId"], subnet_id=properties["SubnetId"])
    setattr(association, ASSOCIATION, made)


def _dissociated(where: Where, association: Any, properties: Properties) -> None:
    backend = _backend(where)
    backend.disassociate_route_table(getattr(association, ASSOCIATION))
    backend.subnet_associations.pop(f"{properties['RouteTableId']}:{properties['SubnetId']}", None)


def _attachment_deleted(where: Where, _attachment: Any, properties: Properties) -> None:
    backend = _backend(where)
    if properties.get("InternetGatewayId"):
        backend.detach_internet_gateway(properties["InternetGatewayId"], properties["VpcId"])
    else:
        backend.detach_vpn_gateway(properties["VpnGatewayId"], properties["VpcId"])


def _route_deleted(where: Where, _route: Any, properties: Properties) -> None:
    cidr, ipv6 = properties.get("DestinationCidrBlock"), properties.get("DestinationIpv6CidrBlock")
    _backend(where).delete_route(properties["RouteTableId"], cidr, ipv6)


def _nat_created(_where: Where, gateway: Any, properties: Properties) -> None:
    _tags_added(gateway, properties)


def _nat_deleted(where: Where, gateway: Any, _properties: Properties) -> None:
    backend = _backend(where)
    backend.delete_nat_gateway(gateway.id)
    backend.enis.pop(gateway._eni.id, None)


def _ingress_deleted(where: Where, ingress: Any, properties: Properties) -> None:
    _withdraw(where, ingress.security_group.id, [properties], is_egress=False)


MENDS = {
    "AWS::EC2::EIP": Mend(
        deleted=lambda where, address, _: (
            _backend(where).release_address(allocation_id=address.allocation_id)
            if address.allocation_id
            else _backend(where).release_address(address=address.public_ip)
        )
    ),
    "AWS::EC2::FlowLog": Mend(deleted=lambda where, log, _: _backend(where).delete_flow_logs([log.id])),
    "AWS::EC2::InternetGateway": Mend(
        deleted=lambda where, gateway, _: _backend(where).delete_internet_gateway(gateway.id)
    ),
    "AWS::EC2::NatGateway": Mend(created=_nat_created, deleted=_nat_deleted),
    "AWS::EC2::Route": Mend(deleted=_route_deleted),
    "AWS::EC2::RouteTable": Mend(
        created=lambda _where, table, properties: _tags_added(table, properties),
        updated=_tagged,
        deleted=lambda where, table, _: _backend(where).delete_route_table(table.id),
    ),
    "AWS::EC2::SecurityGroup": Mend(
        hidden=("SecurityGroupIngress", "SecurityGroupEgress"),
        created=_group_created,
        updated=_group_updated,
        deleted=_group_deleted,
    ),
    "AWS::EC2::SecurityGroupIngress": Mend(deleted=_ingress_deleted),
    "AWS::EC2::Subnet": Mend(created=_subnet_created),
    "AWS::EC2::SubnetRouteTableAssociation": Mend(created=_associated, deleted=_dissociated),
    "AWS::EC2::VPC": Mend(created=_vpc_created),
    "AWS::EC2::VPCEndpoint": Mend(
        deleted=lambda where, endpoint, _: _backend(where).delete_vpc_endpoints([endpoint.id])
    ),
    "AWS::EC2::VPCGatewayAttachment": Mend(deleted=_attachment_deleted),
    "AWS::EC2::VPCPeeringConnection": Mend(
        deleted=lambda where, peering, _: _backend(where).delete_vpc_peering_connection(peering.id)
    ),
    "AWS::EC2::VPNGateway": Mend(deleted=lambda where, gateway, _: _backend(where).delete_vpn_gateway(gateway.id)),
    "AWS::EC2::Volume": Mend(deleted=lambda where, volume, _: _backend(where).delete_volume(volume.id)),
}
