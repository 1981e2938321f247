"""A deployed stack, as CloudFormation describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from avflow.errors import AvflowError
from avflow_cli.doctor.account import Account


class StackUnusable(AvflowError):
    """The stack is not there, or is not av-workflow's."""

    advice = "Deploy it (sam deploy), or name another one: --stack-name, --region, --profile."


@dataclass(frozen=True)
class Stack:
    """A deployed stack.

    Parameters
    ----------
    parameters:
        As it was deployed.
    """

    account: Account
    status: str
    bucket: str
    machine: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, account: Account) -> Stack:
        """The stack that the account's deployment names.

        Raises
        ------
        StackUnusable
        """
        name = account.deployment.stack_name
        try:
            found = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            raise StackUnusable(f"{name}: {error.response['Error'].get('Message', error)}") from error
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        if not {"BucketName", "StateMachineArn"} <= outputs.keys():
            raise StackUnusable(f"{name} is {found['StackStatus']} and has no outputs BucketName and StateMachineArn.")
        given = {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}
        return cls(account, found["StackStatus"], outputs["BucketName"], outputs["StateMachineArn"], given)
