"""Write docs/faults.md from the fault matrix that the tests run.

usage: python -m scripts.faults_page
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.matrix import MATRIX, Rule, cells

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
_HEAD = """\
# Faults

`python -m scripts.faults_page` writes this page from `tests/faults/matrix.py`. `tests/faults/test_matrix.py` raises
each error in each state, once and with each try, through the real state machine: {count} cases in {states} states. A
name that is missing here, or a state, fails a test.

[failures.md](failures.md) says what the errors mean and what you can do.

| states | errors | if it comes once | if it comes with each try |
| --- | --- | --- | --- |
"""


def written() -> str:
    """The page."""
    all_cells = cells()
    head = _HEAD.format(count=len(all_cells), states=len({cell.state for cell in all_cells}))
    return head + "".join(_row(rule) for rule in MATRIX)


def _row(rule: Rule) -> str:
    states = ", ".join(f"`{state}`" for state in rule.states)
    names = ", ".join(name if name.startswith("job: ") else f"`{name}`" for name in rule.names)
    how = [way.value for way in (rule.once, rule.always)]
    if rule.error is not None:
        by = "by the name of the first error" if rule.error == "{}" else f"by the name `{rule.error}`"
        how = [text.replace("by this name", by) for text in how]
    return f"| {states} | {names} | {how[0]} | {how[1]} |\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
