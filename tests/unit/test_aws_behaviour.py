"""docs/aws-behaviour.md: each behaviour has a source that can be looked up, and a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "aws-behaviour.md"
HEADER = "| behaviour | source | test | seen |"


def rows():
    """The cells of all rows."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line != HEADER and not line.startswith("|---")
    ]


def functions_of(path):
    """The names of the functions and methods in a file."""
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_each_behaviour_has_a_source_and_a_test(row):
    behaviour, source, tests, seen = row
    assert behaviour.endswith("."), "a sentence"
    dated_page = re.search(r'"[^"]+", (read )?20\d\d-\d\d-\d\d', source)
    issue = re.search(r"[\w.-]+/[\w.-]+#\d+", source)
    code = re.search(r"`[\w./-]+` of [\w.-]+/[\w.-]+", source)
    assert dated_page or issue or code, "a page with its date, an issue of a repository, or a file in one"
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", tests)
    assert named, "a test"
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_of(ROOT / path), name
    assert seen == "no" or re.search(r"20\d\d-\d\d-\d\d", seen), "not seen by us, or the date of the report"
