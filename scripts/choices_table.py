"""Write the table of choices in docs/settings.md from avflow/choices.py.

usage: python -m scripts.choices_table
"""

from __future__ import annotations

import re
from pathlib import Path

from avflow.choices import CHOICES, Choice, written

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = "| parameter | variable | metadata | default | value | meaning |"


def table() -> str:
    """All choices, one a row."""
    return "\n".join([_HEAD, "|---|---|---|---|---|---|", *map(_row, CHOICES)])


def _row(choice: Choice) -> str:
    names = ("", "") if choice.of_upload_only else (f"`{choice.parameter}`", f"`{choice.variable}`")
    default = "" if choice.default is None else written(choice.default)
    shown = f"`{default}`" if default else ""
    cells = (*names, f"`{choice.metadata}`", shown, choice.kind.rule, choice.help)
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    return re.sub(rf"^{re.escape(_HEAD)}\n(?:\|.*\n)*", lambda _: table() + "\n", page, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
