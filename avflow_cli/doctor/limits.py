"""Limits of an account that every deployment meets: Fargate, Lambda and VPCs."""

from __future__ import annotations

from avflow_cli.doctor.account import Account, stack
from avflow_cli.doctor.finding import Finding, fix, ok, unknown

#: a function may have so much memory in a new account (AWS Lambda Developer Guide, "Lambda quotas")
NEW_ACCOUNT_MEMORY_MB = 3008
#: a Fargate job of the other steps: FFmpegJob and its neighbours in the template
_FARGATE_VCPUS = 4


def fargate_quota(account: Account) -> Finding:
    """Whether one Fargate job fits into the quota."""
    parameters = account.deployment.parameters
    detector = 0 if parameters["DetectorCompute"] == "gpu" else int(parameters["CpuDetectorVcpus"])
    need, wish = max(_FARGATE_VCPUS, detector), int(parameters["MaxCpuVcpus"])
    value = account.quota("fargate", "L-3032A538")
    if value < need:
        request = "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538"
        return fix("Fargate quota", f"{value:.0f} vCPUs; a job takes {need}", f"{request} --desired-value {wish}")
    return ok("Fargate quota", f"{value:.0f} vCPUs: {int(min(value, wish)) // need} jobs at once")


def concurrency(account: Account) -> Finding:
    """How many functions run at once. A new account has 10, which throttles and loses nothing."""
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    at_once = limits["UnreservedConcurrentExecutions"]
    more = "" if at_once > 10 else "; more are throttled, then moved to Batch: ask for 1000 if you expect many videos"
    return ok("Lambda concurrency", f"{at_once} functions at once{more}")


def memory(account: Account) -> Finding:
    """Whether the functions have more memory than a new account may give them. AWS has no request that asks for it."""
    resources = account.deployment.template["Resources"].values()
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]
    sizes = [size for each in functions if isinstance(size := each.get("MemorySize"), int)]
    most = max(*sizes, int(account.deployment.parameters["ShortVideosMemory"]))
    if most <= NEW_ACCOUNT_MEMORY_MB:
        return ok("Lambda memory", f"functions have at most {most} MB, as a new account allows")
    return unknown("Lambda memory", f"functions have up to {most} MB, and a new account allows {NEW_ACCOUNT_MEMORY_MB}")


def networks(account: Account) -> Finding:
    """Whether the Region has room for one more VPC, unless the deployment uses one of its own."""
    name = "VPC"
    if own := account.deployment.parameters["VpcId"]:
        found = account.client("ec2").describe_vpcs(VpcIds=[own])["Vpcs"]
        return ok(name, f"{own} ({found[0]['CidrBlock']})")
    count = sum(len(page["Vpcs"]) for page in account.client("ec2").get_paginator("describe_vpcs").paginate())
    value = account.quota("vpc", "L-F678F1CE")
    if count >= value and "does not exist" in stack(account).message:
        request = "aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE"
        own_network = 'parameter_overrides = "VpcId=vpc-… SubnetIds=subnet-…,subnet-…"    (or use one of yours)'
        told = f"{count} of {value:.0f} are used, and the stack creates one"
        return fix(name, told, f"{request} --desired-value {value + 5:.0f}", own_network)
    return ok(name, f"{count} of {value:.0f} are used")
