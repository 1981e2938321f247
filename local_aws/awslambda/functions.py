"""The functions of one embedded AWS: looks them up by name, version and alias, and invokes them."""

from __future__ import annotations

import threading

from local_aws.awslambda.concurrency import MEMORY_MB, NEW_ACCOUNT, NEW_ACCOUNT_MEMORY_MB, Concurrency
from local_aws.awslambda.environments import Environments
from local_aws.awslambda.function import Caps, Function
from local_aws.awslambda.invocation import Invocation, function_environment, invoke
from local_aws.awslambda.states import States
from local_aws.names import function_arn
from local_aws.sandbox.activity import StepEnded
from local_aws.sandbox.host import Host


class FunctionNotFound(Exception):
    """There is no such function, version or alias; `arn` names it."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


class Functions:
    """All functions.

    Parameters
    ----------
    concurrency:
        How many invocations run at once in this account.
    at_once:
        How many invocations this machine works on at once; the others wait.
    """

    def __init__(self, host: Host, caps: Caps, concurrency: int, at_once: int) -> None:
        self._host = host
        self._caps = caps
        self._functions: dict[str, Function] = {}
        #: the most MB of memory of a function; AWS raises it together with the concurrency
        self.memory_quota = NEW_ACCOUNT_MEMORY_MB if concurrency <= NEW_ACCOUNT else MEMORY_MB
        self._lock = threading.Lock()
        self.concurrency = Concurrency(concurrency, self.all)
        self.states = States()
        self.environments = Environments(host, at_once, min(concurrency, 3 * at_once), function_environment)

    def add(self, function: Function) -> None:
        """Create or replace a function."""
        with self._lock:
            self._functions[function.name] = self._caps.apply(function)

    def all(self) -> list[Function]:
        """Every function, sorted by name."""
        with self._lock:
            return sorted(self._functions.values(), key=lambda function: function.name)

    def get(self, reference: str, qualifier: str | None = None) -> tuple[Function, str]:
        """The function and the version to which a name, `name:qualifier` or an ARN refers.

        Raises
        ------
        FunctionNotFound
            There is no such function, version or alias.
        """
        name, _, suffix = reference.rpartition(":function:")[2].partition(":")
        qualifier = qualifier or suffix or "$LATEST"
        with self._lock:
            function = self._functions.get(name)
        if function is None:
            raise FunctionNotFound(function_arn(name, None if qualifier == "$LATEST" else qualifier))
        version = function.aliases.get(qualifier, qualifier)
        if version != "$LATEST" and version not in function.versions:
            raise FunctionNotFound(function_arn(name, qualifier))
        return function, version

    def publish_version(self, name: str) -> str:
        """Publish a version, and return its number; it shares the function's code and configuration."""
        function, _ = self.get(name)
        function.versions.append(str(len(function.versions) + 1))
        return function.versions[-1]

    def invoke(self, reference: str, payload: bytes, qualifier: str | None = None) -> Invocation:
        """Run the handler once, and wait until it has ended.

        Raises
        ------
        FunctionNotFound
            There is no such function, version or alias.
        TooManyRequests
            The function's or the account's concurrency is used up.
        NotActive
            The function is not Active yet.
        OSError
            No process can be started.
        """
        function, version = self.get(reference, qualifier)
        self.states.require_active(function)
        self.concurrency.take(function)
        return self.run(function, version, payload)

    def run(self, function: Function, version: str, payload: bytes) -> Invocation:
        """Run the handler once; its concurrency has been taken, and is given back."""
        try:
            with self.environments.turn(function, version) as turn:
                invocation = invoke(self._host, turn, function, version, payload)
        finally:
            self.concurrency.give_back(function)
        error_name = invocation.error["errorType"] if invocation.error else None
        self._host.listener(StepEnded("lambda", function.name, invocation.request_id, invocation.seconds, error_name))
        return invocation

    def close(self) -> None:
        """Keep nothing warm any more."""
        self.environments.close()
