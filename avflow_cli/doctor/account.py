"""What the template needs in an AWS account: each question is one request or two, which change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from avflow_cli.access import DENIED, EXPIRED, WRONG_KEY, Access
from avflow_cli.doctor.finding import Finding, fix, ok, unknown
from avflow_cli.samconfig import Deployment


@dataclass(frozen=True)
class Account(Access):
    """An account and a Region, with the credentials of the user, and what would be deployed."""

    deployment: Deployment

    @cached_property
    def offered_types(self) -> frozenset[str]:
        """All instance types that the Region offers; asked once."""
        pages = self.client("ec2").get_paginator("describe_instance_type_offerings").paginate(LocationType="region")
        return frozenset(each["InstanceType"] for page in pages for each in page["InstanceTypeOfferings"])

    def quota(self, service: str, code: str) -> float:
        """The value of a quota in this Region."""
        found = self.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
        return float(found["Quota"]["Value"])


Check = Callable[[Account], Finding]


def asked(name: str, check: Check, account: Account) -> Finding:
    """What a check finds; "unknown" where AWS does not answer it."""
    try:
        return check(account)
    except ClientError as error:
        code, operation = error.response["Error"]["Code"], error.operation_name
        if code in DENIED:
            return unknown(name, f"these credentials may not call {operation}")
        return unknown(name, f"{operation}: {code}: {error.response['Error'].get('Message', '')}".rstrip(": "))
    except BotoCoreError as error:
        return unknown(name, str(error))


# ------------------------------------------------------------ who and where
#: what to do about errors of the client's side, the narrower first
_OF_THE_CLIENT: tuple[tuple[type[Exception], str], ...] = (
    (ProfileNotFound, "aws configure list-profiles"),
    (NoRegionError, "export AWS_REGION=us-east-1    (or --region, or region in samconfig.toml)"),
    (NoCredentialsError, "aws configure    (or aws sso login, or --profile NAME)"),
    (BotoCoreError, "aws sts get-caller-identity    (must answer first)"),
)


def credentials(account: Account) -> Finding:
    """Whether there are credentials that AWS takes, and whose they are."""
    name = "credentials"
    try:
        found = account.client("sts").get_caller_identity()
    except ClientError as error:
        return _refused(name, error.response["Error"]["Code"], str(error), account)
    except BotoCoreError as error:
        return fix(name, str(error), next(todo for kind, todo in _OF_THE_CLIENT if isinstance(error, kind)))
    return ok(name, f"{found['Arn']} in {account.session.region_name}")


def _refused(name: str, code: str, message: str, account: Account) -> Finding:
    if code in EXPIRED:
        return fix(name, "they have expired", "aws sso login    (or get new ones)")
    if code in WRONG_KEY:
        todo = "aws configure    (a Region that is not enabled in the account refuses them, too)"
        return fix(name, f"AWS does not take them in {account.session.region_name}: {code}", todo)
    return unknown(name, message)


def stack(account: Account) -> Finding:
    """Whether there is a stack of that name that `sam deploy` can't update."""
    name, stack_name = "stack", account.deployment.stack_name
    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return ok(name, f"{stack_name} does not exist yet")
        raise
    if found in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        return fix(name, f"{stack_name} is {found} and can't be updated", f"sam delete --stack-name {stack_name}")
    return ok(name, f"{stack_name} is {found}")
