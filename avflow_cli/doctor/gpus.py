"""What YOLOv3 on GPUs needs in an account: instance types, quotas, and a role."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from avflow_cli.doctor.account import Account
from avflow_cli.doctor.finding import Finding, fix, ok, unknown


def instance_types(account: Account) -> tuple[list[str], list[str]]:
    """The GPU instance types of the deployment that the Region offers, and those that it lacks."""
    wanted = wanted_types(account)
    ec2 = account.client("ec2")
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(LocationType="region")
    names = {each["InstanceType"] for page in pages for each in page["InstanceTypeOfferings"]}
    offered = sorted(name for name in names if any(_belongs(name, each) for each in wanted))
    missing = [each for each in wanted if not any(_belongs(name, each) for name in offered)]
    return offered, missing


#: families of which the template takes those that the Region has, if GpuInstanceTypes is empty
_FAMILIES = ("g4dn", "g5", "g6")


def wanted_types(account: Account) -> list[str]:
    """The types and families that the deployment names, or those that the template takes for the Region."""
    if given := account.deployment.parameters["GpuInstanceTypes"]:
        return [each.strip() for each in given.split(",") if each.strip()]
    conditions, region = account.deployment.template["Conditions"], f'"{account.session.region_name}"'
    return [f"{each}.xlarge" for each in _FAMILIES if region in json.dumps(conditions[f"Offers{each.capitalize()}"])]


def _belongs(name: str, wanted: str) -> bool:
    return name == wanted or name.partition(".")[0] == wanted


def offerings(account: Account) -> Finding:
    """Whether the Region has the instance types: CreateComputeEnvironment refuses those that it lacks."""
    name, region = "GPU types", account.session.region_name
    if not wanted_types(account):
        todo = 'parameter_overrides = "GpuInstanceTypes=…"    (or DetectorCompute=cpu: docs/deploy.md, "Regions")'
        return fix(name, f"the template knows no GPU type of {region}", todo)
    offered, missing = instance_types(account)
    if not offered:
        return fix(name, f"{region} has none of {', '.join(missing)}",
                   'parameter_overrides = "DetectorCompute=cpu"    (or another Region)')  # fmt: skip
    if missing:
        rest = ",".join(each for each in wanted_types(account) if each not in missing)
        return fix(name, f"{region} does not have {', '.join(missing)}",
                   f'parameter_overrides = "GpuInstanceTypes={rest}"    (in samconfig.toml)')  # fmt: skip
    return ok(name, f"{region} has {', '.join(offered)}")


#: the quotas of vCPUs of each class of families: Spot, and on demand
_GPU_QUOTAS = {"g": ("L-3819A6DF", "L-DB2E81BA"), "p": ("L-7212CCBC", "L-417A185B"), "p5": ("L-C4BD4855", "L-417A185B")}


def quota(account: Account) -> Finding:
    """Whether one job fits into the quotas for Spot and on demand; the smallest type counts."""
    name = "GPU quota"
    offered, _ = instance_types(account)
    if not offered:
        return unknown(name, "there is no GPU type to ask for")
    described = account.client("ec2").describe_instance_types(InstanceTypes=offered)["InstanceTypes"]
    need = min(each["VCpuInfo"]["DefaultVCpus"] for each in described)
    wish = max(need, int(account.deployment.parameters["MaxGpuVcpus"]))
    codes = sorted({_GPU_QUOTAS[_quota_class(each)] for each in offered})
    values = {code: account.quota("ec2", code) for pair in codes for code in pair}
    told = "; ".join(f"Spot {values[spot]:.0f}, on demand {values[demand]:.0f} vCPUs" for spot, demand in codes)
    lacking = [code for code, value in values.items() if value < need]
    if lacking:
        request = "aws service-quotas request-service-quota-increase --service-code ec2"
        todo = [f"{request} --quota-code {code} --desired-value {wish}" for code in lacking]
        todo.append('parameter_overrides = "DetectorCompute=cpu"    (in samconfig.toml, until AWS has answered)')
        return fix(name, f"{told}; a job takes {need}", *todo)
    at_once = min(int(min(values.values())), wish) // need
    return ok(name, f"{told}: {at_once} jobs at once on each")


def _quota_class(instance_type: str) -> str:
    family = instance_type.partition(".")[0]
    return "p5" if family.startswith("p5") else family[0]


def spot_role(account: Account) -> Finding:
    """Whether the account has the service-linked role of Spot, which AWS Batch does not create."""
    try:
        account.client("iam").get_role(RoleName="AWSServiceRoleForEC2Spot")
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        todo = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        return fix("Spot role", "the account has no AWSServiceRoleForEC2Spot", todo)
    return ok("Spot role", "AWSServiceRoleForEC2Spot")
