"""What YOLOv3 on GPUs needs in an account: instance types, quotas, and a role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from avflow_cli.doctor.account import Account
from avflow_cli.doctor.finding import Finding, fix, ok, unknown


def instance_types(account: Account) -> tuple[list[str], list[str]]:
    """The GPU instance types of the deployment that the Region offers, and those that it lacks."""
    wanted = wanted_types(account)
    offered = sorted(name for name in account.offered_types if any(_belongs(name, each) for each in wanted))
    missing = [each for each in wanted if not any(_belongs(name, each) for name in offered)]
    return offered, missing


def wanted_types(account: Account) -> list[str]:
    """The types and families that the deployment names; if it names none, those that the template chooses from."""
    return _named_types(account) or list(_choices(account))


def _named_types(account: Account) -> list[str]:
    return [each.strip() for each in account.deployment.parameters["GpuInstanceTypes"].split(",") if each.strip()]


def _choices(account: Account) -> dict[str, bool]:
    """The types that the template chooses from, and whether it takes each in this Region."""
    template, region = account.deployment.template, account.session.region_name
    types = template["Resources"]["GpuSpotCompute"]["Properties"]["ComputeResources"]["InstanceTypes"]["Fn::If"][2]
    found = (each["Fn::If"] for each in types)
    return {name: region in _equal_to(template["Conditions"][condition]) for condition, name, _ in found}


def _equal_to(condition: Mapping[str, Any]) -> set[str]:
    """The values any of which a condition of Fn::Or and Fn::Equals admits."""
    if "Fn::Equals" in condition:
        return {condition["Fn::Equals"][1]}
    return {value for each in condition["Fn::Or"] for value in _equal_to(each)}


def _belongs(name: str, wanted: str) -> bool:
    return name == wanted or name.partition(".")[0] == wanted


def offerings(account: Account) -> Finding:
    """Whether the Region has the instance types: CreateComputeEnvironment refuses those that it lacks."""
    offered, missing = instance_types(account)
    name, region = "GPU types", account.session.region_name
    if offered and not _named_types(account):
        return _chosen(name, region, offered, [each for each, taken in _choices(account).items() if taken])
    if not offered:
        return fix(name, f"{region} has none of {', '.join(missing)}",
                   'parameter_overrides = "DetectorCompute=cpu"    (or another Region)')  # fmt: skip
    if missing:
        rest = ",".join(each for each in wanted_types(account) if each not in missing)
        return fix(name, f"{region} does not have {', '.join(missing)}",
                   f'parameter_overrides = "GpuInstanceTypes={rest}"    (in samconfig.toml)')  # fmt: skip
    return ok(name, f"{region} has {', '.join(offered)}")


def _chosen(name: str, region: str, offered: list[str], taken: list[str]) -> Finding:
    """Whether the Region still has the types that the template takes by itself."""
    todo = f'parameter_overrides = "GpuInstanceTypes={",".join(offered)}"    (in samconfig.toml)'
    if not taken:
        return fix(name, f"the template does not know that {region} has {', '.join(offered)}", todo)
    if gone := [each for each in taken if each not in offered]:
        return fix(name, f"{region} no longer has {', '.join(gone)}", todo)
    return ok(name, f"{region} has {', '.join(taken)}")


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
