"""EC2's networks and launch templates: moto keeps them; no packet passes through them."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import KEPT


def _tags(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The template's `Tags` in the form of EC2's API."""
    tags = properties.pop("Tags", None)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


@creates("AWS::EC2::VPC", KEPT)
def vpc(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A VPC."""
    ec2 = stack.aws.client("ec2")
    created = ec2.create_vpc(CidrBlock=properties["CidrBlock"], **_tags("vpc", properties))["Vpc"]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        if attribute in properties:
            ec2.modify_vpc_attribute(VpcId=created["VpcId"], **{attribute: {"Value": properties[attribute]}})
    return Created(created["VpcId"], {"VpcId": created["VpcId"], "CidrBlock": created["CidrBlock"]})


@creates("AWS::EC2::Subnet", KEPT)
def subnet(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A subnet."""
    ec2 = stack.aws.client("ec2")
    is_public = properties.pop("MapPublicIpOnLaunch", False)
    tags = _tags("subnet", properties)
    created = ec2.create_subnet(**properties, **tags)["Subnet"]["SubnetId"]
    if is_public:
        ec2.modify_subnet_attribute(SubnetId=created, MapPublicIpOnLaunch={"Value": True})
    return Created(created, {"SubnetId": created})


@creates("AWS::EC2::InternetGateway", KEPT)
def internet_gateway(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """An internet gateway."""
    tags = _tags("internet-gateway", properties)
    created = stack.aws.client("ec2").create_internet_gateway(**tags)["InternetGateway"]["InternetGatewayId"]
    return Created(created, {"InternetGatewayId": created})


@creates("AWS::EC2::VPCGatewayAttachment", KEPT)
def gateway_attachment(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """The attachment of an internet gateway to a VPC."""
    stack.aws.client("ec2").attach_internet_gateway(**properties)
    return Created(stack.physical_name(logical_id))


@creates("AWS::EC2::RouteTable", KEPT)
def route_table(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A route table."""
    tags = _tags("route-table", properties)
    created = stack.aws.client("ec2").create_route_table(VpcId=properties["VpcId"], **tags)
    created_id = created["RouteTable"]["RouteTableId"]
    return Created(created_id, {"RouteTableId": created_id})


@creates("AWS::EC2::Route", KEPT)
def route(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A route."""
    stack.aws.client("ec2").create_route(**properties)
    return Created(stack.physical_name(logical_id))


@creates("AWS::EC2::SubnetRouteTableAssociation", KEPT)
def route_table_association(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """The route table of a subnet."""
    created = stack.aws.client("ec2").associate_route_table(**properties)["AssociationId"]
    return Created(created, {"Id": created})


@creates("AWS::EC2::VPCEndpoint", KEPT)
def vpc_endpoint(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """An endpoint of a service within a VPC."""
    tags = _tags("vpc-endpoint", properties)
    if "PolicyDocument" in properties:
        properties["PolicyDocument"] = json.dumps(properties["PolicyDocument"])
    created = stack.aws.client("ec2").create_vpc_endpoint(**properties, **tags)["VpcEndpoint"]["VpcEndpointId"]
    return Created(created, {"Id": created})


@creates("AWS::EC2::SecurityGroup", KEPT)
def security_group(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A security group and its rules."""
    ec2 = stack.aws.client("ec2")
    created = ec2.create_security_group(
        GroupName=properties.get("GroupName") or stack.physical_name(logical_id),
        Description=properties["GroupDescription"],
        VpcId=properties["VpcId"],
        **_tags("security-group", properties),
    )["GroupId"]
    if ingress := properties.get("SecurityGroupIngress"):
        ec2.authorize_security_group_ingress(GroupId=created, IpPermissions=[_permission(rule) for rule in ingress])
    if egress := properties.get("SecurityGroupEgress"):
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        ec2.revoke_security_group_egress(GroupId=created, IpPermissions=everything)
        ec2.authorize_security_group_egress(GroupId=created, IpPermissions=[_permission(rule) for rule in egress])
    return Created(created, {"GroupId": created, "VpcId": properties["VpcId"]})


def _permission(rule: dict[str, Any]) -> dict[str, Any]:
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    permission: dict[str, Any] = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    return permission


@creates("AWS::EC2::LaunchTemplate", KEPT)
def launch_template(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A launch template."""
    created = stack.aws.client("ec2").create_launch_template(
        LaunchTemplateName=properties.get("LaunchTemplateName") or stack.physical_name(logical_id),
        LaunchTemplateData=properties["LaunchTemplateData"],
    )["LaunchTemplate"]
    numbers = {"LatestVersionNumber": "1", "DefaultVersionNumber": "1"}
    return Created(created["LaunchTemplateId"], {"LaunchTemplateId": created["LaunchTemplateId"], **numbers})
