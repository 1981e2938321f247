"""Names of keys: PascalCase in CloudFormation, camelCase in the APIs of Batch and Step Functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def lower_first(value: Any, opaque: Iterable[str] = ()) -> Any:
    """The value with all keys in camelCase, except those below an `opaque` key, which the user chose."""
    if isinstance(value, list):
        return [lower_first(item, opaque) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: item if key in opaque else lower_first(item, opaque) for key, item in value.items()
    }
