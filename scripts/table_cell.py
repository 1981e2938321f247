"""What the scripts that write pages of docs/ share."""

from __future__ import annotations


def cell(text: str) -> str:
    """A text as a cell of a Markdown table: in one line, and without the end of the cell."""
    return " ".join(text.split()).replace("|", "\\|")
