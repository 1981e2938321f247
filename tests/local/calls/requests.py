"""The smallest request of each operation of a service, made from the shapes of its input."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

#: strings that the shapes' patterns would refuse otherwise, by the name of the member
NAMED = {
    "definition": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
    "bucket": "calls-bucket",
    "payload": "{}",
}
_DEPTH = 6


def smallest(shape: Shape | None, name: str = "", depth: int = 0) -> Any:
    """The value with the required members only, each as short as it may be."""
    if shape is None:
        return {}
    if isinstance(shape, StructureShape):
        required = shape.required_members if depth < _DEPTH else []
        if getattr(shape, "is_tagged_union", False) and not required:
            required = list(shape.members)[:1]
        return {member: smallest(shape.members[member], member, depth + 1) for member in required}
    if isinstance(shape, ListShape):
        return [smallest(shape.member, name, depth + 1)] * max(1, int(shape.metadata.get("min", 1)))
    if isinstance(shape, MapShape):
        return {"key": smallest(shape.value, name, depth + 1)}
    return _scalar(shape, name)


def _scalar(shape: Shape, name: str) -> Any:
    if shape.type_name == "string":
        if values := shape.metadata.get("enum"):
            return values[0]
        text = NAMED.get(name.casefold(), "arn:aws:states:us-east-1:123456789012:x:y" if "arn" in name.lower() else "x")
        return text.ljust(int(shape.metadata.get("min", 1)), "x")
    if shape.type_name == "blob":
        return b"{}"
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(1, int(shape.metadata.get("min", 1)))
    return 0 if shape.type_name == "timestamp" else False
