"""The stack that a command is about: its bucket and its state machine, as CloudFormation tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from avflow.errors import AvflowError
from avflow_cli.access import Access
from avflow_cli.stack.aws_errors import is_missing_stack
from avflow_cli.stack.starting import Place


class StackUnusable(AvflowError):
    """The stack is not there, or is not av-workflow's."""

    advice = "Deploy it (sam deploy), or name another one: --stack-name, --region, --profile."


@dataclass(frozen=True)
class Stack:
    """A deployed stack.

    Parameters
    ----------
    bucket, machine:
        The bucket's name, and the state machine's ARN.
    parameters, outputs:
        As it was deployed.
    """

    access: Access
    status: str
    bucket: str
    machine: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def of(cls, access: Access) -> Stack:
        """The stack that is meant.

        Raises
        ------
        StackUnusable
            It is not there, or is another kind of stack.
        ClientError, BotoCoreError
            AWS did not answer that.
        """
        name = access.deployment.stack_name
        try:
            found = access.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if not is_missing_stack(error):
                raise
            where = f" in {access.session.region_name}" if access.session.region_name else ""
            raise StackUnusable(f"{name}: {error.response['Error']['Message']}{where}") from error
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        if not {"BucketName", "StateMachineArn"} <= outputs.keys():
            raise StackUnusable(f"{name} is {found['StackStatus']} and has no outputs BucketName and StateMachineArn.")
        given = {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}
        return cls(access, found["StackStatus"], outputs["BucketName"], outputs["StateMachineArn"], given, outputs)

    @property
    def place(self) -> Place:
        """Where its uploads go and its runs begin."""
        return Place(self.access.client, self.bucket, self.machine)

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.access.deployment.stack_name
