"""The recorded answers of AWS in tests/local/recorded/."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("local") / "recorded"


def recorded(name: str) -> Any:
    """The content of a JSON file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def names(beginning: str) -> list[str]:
    """The JSON files whose names begin so."""
    return sorted(path.stem for path in FOLDER.glob(f"{beginning}*.json"))


def failure(name: str, error: str = "States.TaskFailed") -> dict[str, str]:
    """What a Catch gets: the Cause is compact JSON, with the keys in the order of the alphabet."""
    cause = json.dumps(recorded(name), separators=(",", ":"), sort_keys=True)
    return {"Error": error, "Cause": cause}


def shape(value: Any, path: str = "") -> dict[str, str]:
    """The type of each part of a value, by its path. A null is like an absent key."""
    if value is None:
        return {}
    found = {path: type(value).__name__.replace("_PascalCased", "dict")} if path else {}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= shape(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            found |= shape(inner, f"{path}[]")
    return found
