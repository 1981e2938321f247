"""Write docs/faults.md from the fault matrix that the tests run.

usage: python -m scripts.faults_page
"""

from __future__ import annotations

from pathlib import Path

from tests.faults import s3_matrix
from tests.faults.matrix import MATRIX, Rule, Way, cells
from tests.faults.s3_matrix import EVER, S3Rule

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
_HEAD = """\
# Faults

`python -m scripts.faults_page` writes this page from `tests/faults/matrix.py` and `tests/faults/s3_matrix.py`.

## Errors

`tests/faults/test_matrix.py` raises each error in each state, once and with each try, through the real state machine:
{count} cases in {states} states. A name that is missing here, or a state, fails a test.

[failures.md](failures.md) says what the errors mean and what you can do.

| states | errors | if it comes once | if it comes with each try |
| --- | --- | --- | --- |
"""


_S3 = """
## S3

`tests/faults/test_s3.py` puts faults between the embedded S3 and the real steps: {count} runs, which inject {injected}
faults. Some come once in each of several steps of one run. After all runs no process, folder or multipart upload is
left over, and `result/` has complete results or the report of an error, never a part. An S3 that fails for ever is
*{unavailable}* after the tries of the SDK (5 for each request and each body, 20 seconds of silence) and of the state
machine.

| fault | steps | how often | what becomes of the run |
| --- | --- | --- | --- |
"""
_OFTEN = {1: "once", EVER: "always"}


def written() -> str:
    """The page."""
    return _of_errors() + _of_s3()


def _of_s3() -> str:
    found = s3_matrix.cells()
    head = _S3.format(
        count=len(found), injected=sum(len(cell.states) for cell in found), unavailable="StorageUnavailable"
    )
    return head + "".join(_s3_row(rule) for rule in s3_matrix.RULES)


def _s3_row(rule: S3Rule) -> str:
    faults = "; ".join(rule.faults) + (f", of `…{rule.key.removeprefix('-')}`" if rule.key else "")
    states = ", ".join(f"`{state}`" for state in rule.states)
    how = rule.way.value
    if rule.way is Way.RETRIED and rule.times == EVER:
        how = "it takes longer, and succeeds"
    elif rule.error:
        how = how.replace("by this name", f"by the name `{rule.error}`").replace(
            "first error's name", f"name `{rule.error}`"
        )
    return f"| {faults} | {states} | {_OFTEN.get(rule.times, f'{rule.times:.0f} times')} | {how} |\n"


def _of_errors() -> str:
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
