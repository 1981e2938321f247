"""The states of functions: a function that was idle for weeks is Inactive, and refuses invocations until it is Active.

AWS Lambda Developer Guide, "Lambda function states" and "Invoking functions defined as container images": an invocation
of an Inactive function fails and makes it Pending. It is Active once Lambda has recreated its resources. If Lambda
can't recreate them, it is Inactive again.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from local_aws.awslambda.function import Function

#: error -> HTTP status (service model of Lambda, "Invoke"), and the message. The first is as in boto/boto3#3788, the
#: second as in CloudSnorkel/cdk-github-runners#768, the last as in remotion-dev/remotion#1186
ERRORS = {
    "CodeArtifactUserPendingException": (
        409,
        "Lambda is initializing your function. It will be ready to invoke shortly.",
    ),
    "CodeArtifactUserFailedException": (
        409,
        "Lambda cannot initialize the provided container image. Verify the image.",
    ),
    "ResourceNotReadyException": (
        502,
        "The function is inactive and its VPC connection is no longer available. "
        "Wait for the VPC connection to reestablish and try again.",
    ),
    "ResourceConflictException": (
        409,
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    ),
}


class NotActive(Exception):
    """The function can't be invoked in its present state; `code` and `status` are those of Lambda's answer."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class _Asleep:
    """A function that is not Active: it wakes so many seconds after its first invocation, or (None) never."""

    error: str
    seconds: float | None
    invoked: float | None = None

    @property
    def active(self) -> bool:
        """Whether it has woken."""
        if self.invoked is None or self.seconds is None:
            return False
        return time.monotonic() - self.invoked >= self.seconds


class States:
    """Which functions are not Active. All are Active until somebody says otherwise."""

    def __init__(self) -> None:
        self._asleep: dict[str, _Asleep] = {}
        self._lock = threading.Lock()

    def put_to_sleep(self, name: str, seconds: float | None, error: str = "CodeArtifactUserPendingException") -> None:
        """Make a function Inactive, as if it had been idle for weeks.

        Parameters
        ----------
        seconds:
            From the invocation that wakes it until it is Active; users have seen 40 to 106. None: it never is.
        error:
            The name of the error that invocations get meanwhile. One that is not in ERRORS gets the message of the
            first and the status 500, as Step Functions reports errors that it doesn't know.
        """
        with self._lock:
            self._asleep[name] = _Asleep(error, seconds)

    def require_active(self, function: Function) -> None:
        """Let an Active function run, and refuse others. The first refusal makes an Inactive function Pending.

        Raises
        ------
        NotActive
            The function can't be invoked yet.
        """
        with self._lock:
            asleep = self._asleep.get(function.name)
            if asleep is None:
                return
            if asleep.active:
                del self._asleep[function.name]
                return
            if asleep.invoked is None:
                asleep.invoked = time.monotonic()
        status, message = ERRORS.get(asleep.error, (500, ERRORS["CodeArtifactUserPendingException"][1]))
        raise NotActive(asleep.error, status, message)

    def describe(self, function: Function) -> dict[str, Any]:
        """`State` and its reason, as GetFunctionConfiguration shows them."""
        with self._lock:
            asleep = self._asleep.get(function.name)
            if asleep is None or asleep.active:
                return {"State": "Active"}
            if asleep.seconds is not None and asleep.invoked is not None:
                return {"State": "Pending", "StateReason": "The function is being restored.",
                        "StateReasonCode": "Restoring"}  # fmt: skip
            return {"State": "Inactive", "StateReason": "The function is idle.", "StateReasonCode": "Idle"}
