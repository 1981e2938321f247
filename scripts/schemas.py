"""Write docs/schemas/: the JSON Schema of each file that users read, generated from the class that writes it.

usage: python -m scripts.schemas

The description of a field is the `#:` comment above it. The description of a class is its docstring.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from mashumaro.jsonschema import DRAFT_2020_12, JSONSchemaBuilder

from avflow.annotation import detections
from avflow.media.contract import Contract
from avflow.models.sources import ModelFile
from avflow.speech import texts
from avflow.workflow import reports
from lambdas.failed import report

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
#: class by the file's name
SCHEMAS: dict[str, type[Any]] = {
    "manifest": reports.Manifest,
    "transcript": texts.TranscriptFile,
    "detections-line": detections.FrameDetections,
    "error-report": report.ErrorReport,
}
#: class by its name, for all that the schemas consist of
_CLASSES = {each.__name__: each for each in (*Contract.__subclasses__(), ModelFile, report.ErrorReport)}
_COMMENTED_FIELD = re.compile(r"(?P<comment>(?:^    #:.*\n)+)^    (?P<name>\w+):", re.MULTILINE)


def schema(of: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a dataclass, with descriptions."""
    builder = JSONSchemaBuilder(all_refs=True, ref_prefix="#/$defs")
    builder.build(of)
    definitions = {name: _described(name, found) for name, found in builder.get_definitions().to_dict().items()}
    own = definitions.pop(of.__name__)
    return {"$schema": DRAFT_2020_12.uri, **own, **({"$defs": definitions} if definitions else {})}


def _described(name: str, found: dict[str, Any]) -> dict[str, Any]:
    described = _CLASSES[name]
    comments = {
        match["name"]: " ".join(line.strip().lstrip("#:").strip() for line in match["comment"].splitlines())
        for match in _COMMENTED_FIELD.finditer(inspect.getsource(described))
    }
    aliases = {field.name: field.metadata.get("alias", field.name) for field in fields(described)}
    for field, comment in comments.items():
        found["properties"][aliases[field]]["description"] = comment
    return {"description": inspect.cleandoc(described.__doc__ or ""), **found}


def written(name: str) -> str:
    """The text of docs/schemas/NAME.schema.json."""
    return json.dumps(schema(SCHEMAS[name]), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SCHEMAS:
        (FOLDER / f"{each}.schema.json").write_text(written(each), encoding="utf-8")
