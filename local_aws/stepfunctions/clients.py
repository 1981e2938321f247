"""The clients through which moto's Step Functions engine calls services, in the shapes that Step Functions uses.

An ASL document names parameters in PascalCase whatever the service's own casing is, may give JSON
where a string is wanted, and gets PascalCase back (Step Functions Developer Guide, "Passing
parameters to a service API in Step Functions"). moto passes everything on as it stands; botocore's
public events turn it on the way.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from boto3.session import Session


class _Renamed(dict):
    """PascalCase for the state machine; the engine itself asks for `job["status"]`."""

    def __missing__(self, key: str) -> Any:
        return self[key[0].upper() + key[1:]]


class _Text(str):
    """A body as the string that Step Functions makes of it; the engine's ItemReader may still `read` it."""

    def read(self) -> bytes:
        return self.encode()


def adapt(session: Session) -> None:
    """Make the session's clients take and give what Step Functions does."""
    session.events.register_first("before-parameter-build", _adapt_parameters)
    session.events.register("after-call.batch", _adapt_batch_answer)
    session.events.register("after-call.s3.GetObject", _read_body)
    session.events.register_last("after-call", _format_times)


def _adapt_parameters(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.input_shape is not None:
        as_text = model.service_model.service_name != "batch"  # which refuses a number where AWS Batch does
        adapted = _to_service(params, model.input_shape, as_text)
        params.clear()
        params.update(adapted)


def _to_service(value: Any, shape: Any, as_text: bool) -> Any:
    kind = shape.type_name
    if kind == "list" and isinstance(value, list):
        return [_to_service(item, shape.member, as_text) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _to_service(item, shape.value, as_text) for name, item in value.items()}
    if kind == "structure" and isinstance(value, dict):
        members = {member.lower(): member for member in shape.members}
        renamed = {members.get(name.lower(), name): item for name, item in value.items()}
        return {
            name: _to_service(item, shape.members[name], as_text) if name in shape.members else item
            for name, item in renamed.items()
        }
    if kind == "string" and as_text and not isinstance(value, str):
        return json.dumps(value, separators=(",", ":"))
    if kind == "blob" and not isinstance(value, bytes | bytearray) and not hasattr(value, "read"):
        return (value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))).encode()
    return value


def _adapt_batch_answer(parsed: dict[str, Any], model: Any, http_response: Any, **_: Any) -> None:
    if http_response.status_code < 300 and model.output_shape is not None:
        adapted = _from_service(parsed, model.output_shape)
        if "Jobs" in adapted:
            adapted["jobs"] = adapted.pop("Jobs")  # what the engine's poll looks for
        parsed.clear()
        parsed.update(adapted)


def _from_service(value: Any, shape: Any) -> Any:
    kind = shape.type_name
    if kind == "list" and isinstance(value, list):
        return [_from_service(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _from_service(item, shape.value) for name, item in value.items()}
    if kind == "structure" and isinstance(value, dict):
        renamed = _Renamed()
        for name, item in value.items():
            if name in shape.members:
                renamed[name[0].upper() + name[1:]] = _from_service(item, shape.members[name])
            else:
                renamed[name] = item  # botocore's own, like ResponseMetadata
        return renamed
    return value


def _read_body(parsed: dict[str, Any], **_: Any) -> None:
    if "Body" in parsed:
        parsed["Body"] = _Text(parsed["Body"].read().decode())


def _format_times(parsed: dict[str, Any], **_: Any) -> None:
    for name, value in parsed.items():
        if isinstance(value, datetime):
            parsed[name] = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
