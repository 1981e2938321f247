"""Clients for moto's Step Functions engine: they take and return values in the shapes that Step Functions uses.

An ASL document names parameters in PascalCase, whatever the service's own casing is. It may give JSON where the
service expects a string, and it gets results in PascalCase (Step Functions Developer Guide, "Passing parameters to a
service API in Step Functions"). moto passes everything on unchanged, so botocore's public events convert it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape


class _PascalCased(dict[str, Any]):
    """A structure in PascalCase for the state machine; the engine itself looks up `job["status"]`."""

    def __missing__(self, key: str) -> Any:
        return self[key[0].upper() + key[1:]]


class _Text(str):
    """A body as text, as Step Functions returns it; the engine's ItemReader calls `read` on it."""

    def read(self) -> bytes:
        return self.encode()


class NotAString(TypeError):
    """A task can't start: a parameter has another type. Step Functions ends the execution with States.Runtime."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The value for the field '{name}' must be a STRING")


def adapt(session: Session) -> None:
    """Make the clients of this session convert parameters and results as Step Functions does."""
    session.events.register_first("before-parameter-build", _adapt_parameters)
    session.events.register("after-call.batch", _adapt_batch_result)
    session.events.register("after-call.s3.GetObject", _read_body)
    session.events.register_last("after-call", _format_times)


def _adapt_parameters(params: dict[str, Any], model: OperationModel, **_: object) -> None:
    if model.input_shape is not None:
        as_text = model.service_model.service_name != "batch"  # there a number is no string: ASFHyP3/hyp3#2585
        adapted = _to_service(params, model.input_shape, as_text)
        params.clear()
        params.update(adapted)


def _to_service(value: Any, shape: Shape, as_text: bool, name: str = "") -> Any:
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_service(item, shape.member, as_text) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _to_service(item, shape.value, as_text, key) for key, item in value.items()}
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {member.lower(): member for member in shape.members}
        renamed = {members.get(key.lower(), key): item for key, item in value.items()}
        return {
            key: _to_service(item, shape.members[key], as_text, key) if key in shape.members else item
            for key, item in renamed.items()
        }
    if shape.type_name == "string" and not isinstance(value, str):
        if not as_text:
            raise NotAString(name)
        return json.dumps(value, separators=(",", ":"))
    if shape.type_name == "blob" and not isinstance(value, bytes | bytearray) and not hasattr(value, "read"):
        return (value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))).encode()
    return value


def _adapt_batch_result(parsed: dict[str, Any], model: OperationModel, http_response: AWSResponse, **_: object) -> None:
    if http_response.status_code < 300 and model.output_shape is not None:
        adapted = _from_service(parsed, model.output_shape)
        if "Jobs" in adapted:
            adapted["jobs"] = adapted.pop("Jobs")  # the key that the engine's poll looks for
        parsed.clear()
        parsed.update(adapted)


def _from_service(value: Any, shape: Shape) -> Any:
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_service(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _from_service(item, shape.value) for name, item in value.items()}
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        renamed = _PascalCased()
        for name, item in sorted(value.items()):  # a Cause has them in the order of the alphabet
            if name in shape.members:
                renamed[name[0].upper() + name[1:]] = _from_service(item, shape.members[name])
            else:
                renamed[name] = item  # botocore's own, such as ResponseMetadata
        return renamed
    return value


def _read_body(parsed: dict[str, Any], **_: object) -> None:
    if "Body" in parsed:
        parsed["Body"] = _Text(parsed["Body"].read().decode())


def _format_times(parsed: dict[str, Any], **_: object) -> None:
    for name, value in parsed.items():
        if isinstance(value, datetime):
            parsed[name] = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
