"""Custom resources: their functions are really invoked, and their answers awaited (User Guide, "Custom resources")."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.stack import CUSTOM, Created, Stack, creates
from local_aws.coverage import differs
from local_aws.names import arn

#: default of ServiceTimeout; CloudFormation's is an hour, which is too long in front of a terminal
DEFAULT_TIMEOUT_SECONDS = 60.0


class _Answer(Mapping[str, Any]):
    """The attributes that the function returns; the first access waits for its answer.

    Until then other resources are created.
    """

    def __init__(self, stack: Stack, logical_id: str, request: dict[str, Any], path: str, timeout: float) -> None:
        self._stack, self._logical_id, self._path, self._timeout = stack, logical_id, path, timeout
        self._request = request
        self._attributes: dict[str, Any] | None = None
        self._invoked = threading.Event()
        self._failure = "it did not answer in time"
        threading.Thread(target=self._invoke, name=f"custom-{logical_id}", daemon=True).start()

    def _invoke(self) -> None:
        try:
            token = self._request["ServiceToken"]
            invocation = self._stack.aws.functions.invoke(token, json.dumps(self._request).encode())
            if invocation.error is not None:
                self._failure = f"{invocation.error['errorType']}: {invocation.error['errorMessage']}"
        except Exception as error:
            self._failure = f"{type(error).__name__}: {error}"
        finally:
            self._invoked.set()

    def _get(self) -> dict[str, Any]:
        if self._attributes is None:
            self._invoked.wait(self._timeout)
            answer = self._stack.aws.callbacks.wait(self._path, 0 if self._invoked.is_set() else self._timeout)
            if answer is None:
                raise DeployError(f"{self._logical_id}: the function of this custom resource failed: {self._failure}")
            if answer["Status"] != "SUCCESS":
                raise DeployError(f"{self._logical_id}: {answer.get('Reason', 'no reason given')}")
            self._attributes = answer.get("Data", {})
        return self._attributes

    def __getitem__(self, name: str) -> Any:
        return self._get()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())


@creates(CUSTOM, differs("created only; ServiceTimeout is 60 s by default; the function must answer over HTTP"))
def custom_resource(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """Invoke the function of `ServiceToken`, which creates the resource."""
    path = stack.aws.callbacks.new_path()
    request = {
        "RequestType": "Create",
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": stack.aws.url + path,
        "StackId": arn("cloudformation", f"stack/{stack.name}/local"),
        "RequestId": str(uuid.uuid4()),
        "ResourceType": stack.template["Resources"][logical_id]["Type"],
        "LogicalResourceId": logical_id,
        "ResourceProperties": properties,
    }
    timeout = float(properties.get("ServiceTimeout", DEFAULT_TIMEOUT_SECONDS))
    return Created(stack.physical_name(logical_id), _Answer(stack, logical_id, request, path, timeout))
