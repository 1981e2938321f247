"""Write the tables of docs/uploads.md from the cases of the corpus: the files that are tried, and what comes out.

usage: python -m scripts.uploads_page
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.case import Case, Right
from tests.corpus.kinds import KINDS, names
from tests.corpus.not_yet import NOT_YET

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/uploads.md"
#: pictures that are numbered are compared one by one
_MARKS = re.compile(r"(<!-- uploads: .*? -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """The page with the current tables."""
    return _MARKS.sub(lambda found: found[1] + tables() + found[2], page, count=1)


def tables() -> str:
    """A heading, the rule and a table for each kind."""
    parts = [_section(kind.name, kind.rule, [(case.id, case.what, comes_out(case)) for case in kind.cases])
             for kind in KINDS]  # fmt: skip
    of_names = [(case.id, case.what, _of_names(case)) for case in names.CASES]
    return "".join([*parts, _section(names.NAME, names.RULE, of_names)])


def _section(name: str, rule: str, rows: Sequence[tuple[str, str, str]]) -> str:
    lines = [f"## {name}\n\n{rule}\n\n", "| upload | what comes out |\n| --- | --- |\n"]
    for id, what, out in rows:
        waits = f" **Not yet**: {NOT_YET[id]}." if id in NOT_YET else ""
        lines.append(f"| {_capital(what)} | {_capital(out)}.{waits} |\n".replace("\\", "\\\\"))
    return "".join([*lines, "\n"])


def comes_out(case: Case) -> str:
    """What must come out of a case, as a phrase."""
    right = case.right
    if right.errors:
        return " or ".join(f"`{name}`" for name in right.errors)
    parts = [*_picture(right), *_sound(right)]
    if right.truncated:
        parts.append("`truncated: true`")
    if right.warns:
        parts.append("a warning")
    text = ", ".join(parts)
    return f"{text}; or {' or '.join(f'`{name}`' for name in right.or_error)}" if right.or_error else text


def _picture(right: Right) -> list[str]:
    if not right.video:
        return ["no video"]
    parts = []
    if right.frames is not None:
        about = "about " if right.slack > 10 else ""
        rate = f" at {right.rate}/s" if right.rate is not None else ""
        parts.append(f"{about}{right.frames} frame{'s' * (right.frames != 1)}{rate}")
    elif right.seconds is not None:
        parts.append(f"{right.seconds:g} s")
    elif right.as_decoded:
        parts.append("all pictures that a plain decode gives")
    else:
        parts.append("all pictures")
    if right.size is not None:
        parts.append("{}x{}".format(*right.size))
    if right.square:
        parts.append("not stretched")
    return parts


def _sound(right: Right) -> list[str]:
    parts = []
    if not right.sound:
        parts.append("no sound")
    elif right.anywhere or right.marks:
        parts.append("sound in sync")
    if right.said is not None:
        count = len(right.said)
        parts.append(f"{count} sentence{'s' * (count != 1)} subtitled" if count else "no subtitle")
    return parts


def _of_names(case: names.NameCase) -> str:
    good = sum(upload.good for upload in case.uploads)
    bad = len(case.uploads) - good
    parts = [
        f"{count} {what}{'s' * (count > 1)}" for count, what in ((good, "manifest"), (bad, "error report")) if count
    ]
    return " and ".join(parts) + (", each its own" if good + bad > 1 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    path = ROOT / PAGE
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
