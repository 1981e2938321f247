"""What AWS refuses or does not answer, as the page says it: a sentence, with what to do."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from avflow_cli.stack.aws_errors import AwsRefused, AwsUnreachable, CredentialsUnusable, of_client, of_service

_EXPRESS = (
    "This is an EXPRESS state machine. Its executions are found in its log only; the console shows those of "
    "STANDARD state machines."
)
#: days for which AWS keeps an execution that has ended (AWS Step Functions Developer Guide, "Quotas")
KEPT_DAYS = 90
#: codes of Step Functions (AWS Step Functions API Reference, "Errors" of each action), by what they mean here
_SAID = {
    "ExecutionDoesNotExist": f"There is no such execution. AWS forgets an execution {KEPT_DAYS} days after its end.",
    "StateMachineDoesNotExist": "There is no such state machine.",
    "StateMachineTypeNotSupported": _EXPRESS,
    "InvalidToken": "This page of the list is too old. Choose a status or a name anew.",
}


def sentence(error: ClientError | BotoCoreError | OSError, region: str | None) -> str:
    """The sentence."""
    if isinstance(error, ClientError):
        known = error.response.get("Error", {})
        code, message = str(known.get("Code", "")), str(known.get("Message", ""))
        if code == "InvalidArn" and "express" in message:
            return _EXPRESS
        if code in _SAID:
            return _SAID[code]
        ours = of_service(error, region)
    elif isinstance(error, BotoCoreError):
        ours = of_client(error)
    else:
        return str(error)
    if isinstance(ours, AwsRefused):
        return str(ours)
    again = " Then start the console again." if isinstance(ours, CredentialsUnusable) else ""
    return f"{ours} {ours.advice}{again}".rstrip()


def passes(error: Exception) -> bool:
    """Whether the same request may succeed later: AWS is busy, or does not answer."""
    if isinstance(error, ClientError):
        return isinstance(of_service(error, None), AwsUnreachable)
    return isinstance(error, BotoCoreError) and isinstance(of_client(error), AwsUnreachable)
