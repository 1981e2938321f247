"""Validation against the JSON Schemas in docs/schemas/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def validate(value: Any, name: str) -> None:
    """Fail unless `value` is valid by docs/schemas/NAME.schema.json."""
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)
