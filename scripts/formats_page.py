"""Write docs/formats.md: each field of each file that users read, from the JSON Schemas in docs/schemas.

usage: python -m scripts.formats_page
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.table_cell import cell

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, SCHEMAS = DOCS / "formats.md", DOCS / "schemas"
#: the files, by the name of their schema
FILES = {
    "manifest": "my_video.json",
    "detections-line": "my_video.detections.jsonl, each line",
    "transcript": "my_video.transcript.json",
    "error-report": "my_video.error.json",
}
_WORDS = {"string": "text", "boolean": "true or false", "integer": "whole number"}
_HEAD = """\
# Formats

`python -m scripts.formats_page` writes this page from the JSON Schemas, which come from the classes that write the
files. A reader of yours can rely on them: a field is only added, unless `schema` goes up. [Results](results.md) says
what each file is for, and [Exports](exports.md) has the formats of other programs.
"""


def written() -> str:
    """The page."""
    return _HEAD + "".join(_of_file(SCHEMAS / f"{name}.schema.json", file) for name, file in FILES.items())


def _of_file(path: Path, file: str) -> str:
    schema = json.loads(path.read_text(encoding="utf-8"))
    parts = {schema["title"]: schema, **schema.get("$defs", {})}
    head = f"\n## {schema['title']}\n\n`{file}` ([JSON Schema](schemas/{path.name})). "
    return head + "".join(_of_part(part, heading=part is not schema) for part in parts.values())


def _of_part(part: Mapping[str, Any], *, heading: bool) -> str:
    head = f"\n### {part['title']}\n\n" if heading else ""
    about = " ".join(part.get("description", "").split())
    rows = "".join(_rows(part))
    table = f"\n| field | type | meaning |\n|---|---|---|\n{rows}" if rows else ""
    return f"{head}{about}\n{table}"


def _rows(part: Mapping[str, Any]) -> Iterator[str]:
    required = part.get("required", ())
    for name, facts in part.get("properties", {}).items():
        about = cell(facts.get("description", ""))
        left_out = "" if name in required else " (may be missing)"
        yield f"| `{name}` | {_type(facts)} | {about}{left_out} |\n"


def _type(facts: Mapping[str, Any]) -> str:
    """A type in words: `list of [StepRecord](#steprecord)`, `text or null`."""
    if "$ref" in facts:
        name = facts["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := facts.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_type, choices)))
    if choices := facts.get("enum", [facts["const"]] if "const" in facts else []):
        return " or ".join(f"`{each}`" for each in choices)
    kind = facts.get("type", "anything")
    if items := facts.get("prefixItems"):
        return f"list of {len(items)}: {', '.join(dict.fromkeys(map(_type, items)))}"
    if kind == "array":
        return f"list of {_type(facts.get('items', {}))}"
    values = facts.get("additionalProperties")
    return f"by name: {_type(values)}" if isinstance(values, dict) else _WORDS.get(kind, kind)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
