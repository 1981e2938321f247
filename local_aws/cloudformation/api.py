"""The HTTP interface of CloudFormation: what a stack is, for those who ask.

AWS CloudFormation API Reference. Stacks are created by `deploy`, and cannot be changed.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from local_aws.coverage import AS_AWS, Operation, differs
from local_aws.names import REGION, arn
from local_aws.wire import Environ, Reply, ServiceError, read_body

#: the Region for which a request is signed (AWS IAM User Guide, "Elements of an AWS API request signature")
_REGION = re.compile(r"Credential=[^/,]+/[0-9]+/([^/,]+)/")
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


@dataclass(frozen=True)
class Described:
    """A stack that was created.

    Parameters
    ----------
    resources:
        By logical id, the type and the physical id.
    """

    name: str
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    outputs: Mapping[str, Any]
    resources: Mapping[str, tuple[str, str]]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def id(self) -> str:
        """The stack's ARN."""
        return arn("cloudformation", f"stack/{self.name}/{uuid.uuid5(uuid.NAMESPACE_URL, self.name)}")


Parameters = Mapping[str, str]


class StacksApi:
    """Answers requests that are signed for `cloudformation`."""

    def __init__(self) -> None:
        self.stacks: dict[str, Described] = {}

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        body = dict(parse_qsl(read_body(environ).decode("utf-8", "replace"), keep_blank_values=True))
        parameters = query | body
        action = parameters.get("Action", "")
        operation = OPERATIONS.get(action)
        if operation is None:
            message = f"{action or 'no action'}: the embedded CloudFormation does not have this operation"
            raise ServiceError("InvalidAction", message)
        asked = _REGION.search(environ.get("HTTP_AUTHORIZATION", ""))
        stacks = self if asked is None or asked[1] == REGION else StacksApi()  # a stack is in one Region
        result = _xml({f"{action}Result": operation.handler(stacks, parameters)})
        metadata = _xml({"ResponseMetadata": {"RequestId": str(uuid.uuid4())}})
        document = f'<{action}Response xmlns="{_NAMESPACE}">{result}{metadata}</{action}Response>'
        return Reply(document.encode(), headers={"Content-Type": "text/xml"})

    def find(self, parameters: Parameters) -> Described:
        """The stack that a request names, by its name or its ARN; `ValidationError` if there is none."""
        name = parameters.get("StackName", "")
        for stack in self.stacks.values():
            if name in (stack.name, stack.id):
                return stack
        raise ServiceError("ValidationError", f"Stack with id {name} does not exist")


def _xml(value: Any) -> str:
    """XML of the query protocol: a list's items are `member`, and a None is left out."""
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items() if item is not None)
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return escape(str(value))


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _describe_stacks(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    wanted = [api.find(parameters)] if parameters.get("StackName") else list(api.stacks.values())
    return {"Stacks": [_stack(stack) for stack in wanted]}


def _stack(stack: Described) -> dict[str, Any]:
    declared = stack.template.get("Outputs", {})
    outputs = [
        {"OutputKey": name, "OutputValue": _text(value), "Description": declared.get(name, {}).get("Description")}
        for name, value in stack.outputs.items()
    ]
    secret = {name for name, facts in stack.template.get("Parameters", {}).items() if facts.get("NoEcho")}
    parameters = [
        {"ParameterKey": name, "ParameterValue": "****" if name in secret else _text(value)}
        for name, value in stack.parameters.items()
    ]
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        "Description": stack.template.get("Description"),
        "Parameters": parameters,
        "CreationTime": stack.created,
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": False,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Outputs": outputs,
        "Tags": [],
    }


def _list_stacks(api: StacksApi, _: Parameters) -> dict[str, Any]:
    kept = ("StackName", "StackId", "CreationTime", "StackStatus")
    return {"StackSummaries": [{name: _stack(stack)[name] for name in kept} for stack in api.stacks.values()]}


def _resource(stack: Described, logical_id: str) -> dict[str, Any]:
    kind, physical_id = stack.resources[logical_id]
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": "CREATE_COMPLETE",
    }


def _describe_resources(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    if not parameters.get("StackName") and (physical := parameters.get("PhysicalResourceId")):
        found = [each for each in api.stacks.values() if physical in {id_ for _, id_ in each.resources.values()}]
        stack = found[0] if found else api.find({"StackName": physical})
    else:
        stack = api.find(parameters)
    logical = parameters.get("LogicalResourceId")
    common = {"StackName": stack.name, "StackId": stack.id, "Timestamp": stack.created}
    return {
        "StackResources": [
            common | _resource(stack, name) for name in stack.resources if logical is None or name == logical
        ]
    }


def _describe_resource(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    stack, logical = api.find(parameters), parameters.get("LogicalResourceId", "")
    if logical not in stack.resources:
        raise ServiceError("ValidationError", f"Resource {logical} does not exist for stack {stack.name}")
    common = {"StackName": stack.name, "StackId": stack.id, "LastUpdatedTimestamp": stack.created}
    return {"StackResourceDetail": common | _resource(stack, logical)}


def _list_resources(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    stack = api.find(parameters)
    summaries = [{**_resource(stack, name), "LastUpdatedTimestamp": stack.created} for name in stack.resources]
    return {"StackResourceSummaries": summaries}


def _events(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    stack = api.find(parameters)
    common = {"StackName": stack.name, "StackId": stack.id, "Timestamp": stack.created}
    events = [
        common | _resource(stack, name) | {"EventId": f"{name}-CREATE_COMPLETE"}
        for name in reversed(list(stack.resources))
    ]
    return {"StackEvents": events}


def _template(api: StacksApi, parameters: Parameters) -> dict[str, Any]:
    return {"TemplateBody": json.dumps(api.find(parameters).template, default=str), "StagesAvailable": ["Processed"]}


#: by Action
OPERATIONS: dict[str, Operation[Callable[[StacksApi, Parameters], dict[str, Any]]]] = {
    "DescribeStacks": Operation("DescribeStacks", _describe_stacks, AS_AWS),
    "ListStacks": Operation("ListStacks", _list_stacks, differs("filters are ignored: all stacks are complete")),
    "DescribeStackResources": Operation("DescribeStackResources", _describe_resources, AS_AWS),
    "DescribeStackResource": Operation("DescribeStackResource", _describe_resource, AS_AWS),
    "ListStackResources": Operation("ListStackResources", _list_resources, differs("all on one page")),
    "DescribeStackEvents": Operation(
        "DescribeStackEvents", _events, differs("one event for each resource, and the same time for all")
    ),
    "GetTemplate": Operation("GetTemplate", _template, differs("always as SAM has translated it, as JSON")),
}
