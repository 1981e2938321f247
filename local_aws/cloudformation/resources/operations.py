"""Roles and policies, log groups, alarms and dashboards."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import KEPT, differs
from local_aws.iam.policies import Policy, PolicyError
from local_aws.names import REGION, arn


def judged(logical_id: str, document: object) -> str:
    """A policy document as JSON.

    Raises
    ------
    DeployError
        It has something that the embedded AWS can't judge: then it would be unknown what it allows.
    """
    text = json.dumps(document)
    try:
        Policy.of(text)
    except PolicyError as error:
        raise DeployError(f"{logical_id}: {error}") from error
    return text


@creates(
    "AWS::IAM::Role",
    differs("its policies count for S3 and GetFunction only; no boundaries, and no managed policies of AWS"),
)
def role(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A role and its policies."""
    iam = stack.aws.client("iam")
    name = properties.get("RoleName") or stack.physical_name(logical_id)
    optional = {key: properties[key] for key in ("PermissionsBoundary", "Path", "Description") if key in properties}
    document = json.dumps(properties["AssumeRolePolicyDocument"])
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **optional)["Role"]
    for policy in properties.get("Policies", []):
        dated = {
            "Version": "2012-10-17",
            **policy["PolicyDocument"],
        }  # moto requires it; SAM leaves it out of some policies
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=judged(logical_id, dated))
    for policy_arn in properties.get("ManagedPolicyArns", []):
        if ":iam::aws:" in policy_arn:
            continue  # moto would have to load all 1400 managed policies of AWS, half a second at each start
        iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    return Created(name, {"Arn": created["Arn"], "RoleId": created["RoleId"]})


@creates("AWS::IAM::ManagedPolicy", differs("counts for S3 and GetFunction only"))
def managed_policy(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A policy for several roles."""
    name = properties.get("ManagedPolicyName") or stack.physical_name(logical_id)
    document = judged(logical_id, properties["PolicyDocument"])
    iam = stack.aws.client("iam")
    created = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    for each in properties.get("Roles", []):
        iam.attach_role_policy(RoleName=each, PolicyArn=created)
    return Created(created, {"PolicyArn": created})


@creates("AWS::IAM::InstanceProfile", KEPT)
def instance_profile(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """An instance profile."""
    iam = stack.aws.client("iam")
    name = properties.get("InstanceProfileName") or stack.physical_name(logical_id)
    created = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    for each in properties["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=each)
    return Created(name, {"Arn": created})


@creates("AWS::Logs::LogGroup", differs("events do not expire; classes, keys and tags are ignored"))
def log_group(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A log group."""
    logs = stack.aws.client("logs")
    name = properties.get("LogGroupName") or stack.physical_name(logical_id)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):  # of an earlier session
        logs.create_log_group(logGroupName=name)
    if days := properties.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    return Created(name, {"Arn": arn("logs", f"log-group:{name}:*")})


@creates("AWS::Logs::ResourcePolicy", KEPT)
def log_policy(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A policy of log groups, which is not enforced."""
    json.loads(properties["PolicyDocument"])
    stack.aws.client("logs").put_resource_policy(
        policyName=properties["PolicyName"], policyDocument=properties["PolicyDocument"]
    )
    return Created(properties["PolicyName"])


@creates("AWS::CloudWatch::Alarm", KEPT)
def alarm(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """An alarm, which never goes off, because there are no metrics."""
    name = properties.get("AlarmName") or stack.physical_name(logical_id)
    facts = {key: value for key, value in properties.items() if key != "AlarmName"}
    for key in ("Period", "EvaluationPeriods", "DatapointsToAlarm"):
        if key in facts:
            facts[key] = int(facts[key])
    if "Threshold" in facts:
        facts["Threshold"] = float(facts["Threshold"])
    stack.aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **facts)
    return Created(name, {"Arn": arn("cloudwatch", f"alarm:{name}")})


@creates("AWS::CloudWatch::Dashboard", KEPT)
def dashboard(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A dashboard; its body must be JSON."""
    name = properties.get("DashboardName") or f"{stack.physical_name(logical_id)}-{REGION}"
    json.loads(properties["DashboardBody"])
    stack.aws.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=properties["DashboardBody"])
    return Created(name)
