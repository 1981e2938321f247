"""The functions of one embedded AWS: looks them up by name, version and alias, and invokes them."""

from __future__ import annotations

import threading
import uuid

from local_aws.awslambda.function import Caps, Function
from local_aws.awslambda.invocation import Invocation, invoke
from local_aws.names import function_arn
from local_aws.sandbox.activity import StepEnded, StepStarted
from local_aws.sandbox.host import Host


class FunctionNotFound(Exception):
    """There is no such function, version or alias; `arn` names it."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


class Functions:
    """All functions."""

    def __init__(self, host: Host, caps: Caps) -> None:
        self._host = host
        self._caps = caps
        self._functions: dict[str, Function] = {}
        self._lock = threading.Lock()

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
        """
        function, version = self.get(reference, qualifier)
        request_id = str(uuid.uuid4())
        self._host.listener(StepStarted("lambda", function.name, request_id))
        invocation = invoke(self._host, function, version, request_id, payload)
        error_name = invocation.error["errorType"] if invocation.error else None
        self._host.listener(StepEnded("lambda", function.name, request_id, invocation.seconds, error_name))
        return invocation
