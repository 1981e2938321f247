"""Validation against the JSON Schemas in docs/schemas/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def validate(value: Any, name: str) -> None:
    """Raise ValueError unless `value` is valid by docs/schemas/NAME.schema.json."""
    import jsonschema  # here, because it takes a second, in each process that collects tests

    schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    try:
        jsonschema.Draft202012Validator(schema).validate(value)
    except jsonschema.ValidationError as error:
        raise ValueError(str(error)) from error
