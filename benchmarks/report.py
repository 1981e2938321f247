"""From the parts' results to one table, in docs/benchmarks.md and in the README, and one plot; docs/scaling.md's table.

`python -m benchmarks.report` writes them anew from what stands in `benchmarks/results/`.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.check import TOLERANCE
from benchmarks.common import ROOT, columns, markdown, shown
from benchmarks.parts import CHECK_MINUTES, PARTS, Part
from benchmarks.processor import LEVELS
from benchmarks.reasons import missed

RESULTS = ROOT / "benchmarks" / "results"
README, DOCUMENT, SCALING = ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "scaling.md"
PLOT = ROOT / "docs" / "benchmarks"
BEGIN, END = "<!-- bench:start -->", "<!-- bench:end -->"
Results = Mapping[str, Mapping[str, Any]]

_CHECKED = ", ".join(part.name for part in PARTS if part.checked)
_INTRODUCTION = f"""\
# Benchmarks

`make bench` measures all of this and writes this page, the plot and the README's table; do not edit them by hand.
`make bench PARTS="speech gpu"` measures some parts and keeps the others' results. Every part is a module of its own,
`.venv/bin/python -m benchmarks.NAME --help`; `.venv/bin/python -m benchmarks.report` writes the pages anew from
`benchmarks/results/` without measuring. The whole takes about {sum(part.minutes for part in PARTS):.0f} minutes on two
quiet cores: {", ".join(f"{part.name} {part.minutes:g}" for part in PARTS)}.

Ratios compare only within a class of processors, by the highest instruction set that inference makes use of
(`benchmarks/processor.py`): {", ".join(LEVELS)}, or arm. Beside the figures stands the class that they were measured
on. A target that depends on the class is stated for the classes that one was set for.

Peers that don't come with `make bench`: Darknet is Debian's package `darknet`; `make peers` installs ultralytics and
whisper-ctranslate2 in an environment of their own. The ratios over what isn't installed are marked as not measured.

Both sides of a ratio take turns in one run, several rounds over, and medians are taken: on a shared machine absolute
times mean little, ratios something. What takes long is measured once: the three scripts, with half of avflow's runs
before and half after them; a video in segments, each number of children in turn; peak memory. A GPU's matrix product
follows the networks that it is compared with.

`make bench-check` runs {_CHECKED} quickly, in about {CHECK_MINUTES} minutes, and fails if a ratio has fallen by more
than {100 * TOLERANCE:.0f} %, twice in a row, against what `benchmarks/baseline.json` has for this machine's class. What
it doesn't have is reported as new and fails nothing; `make bench-check BASELINE=1` takes the ratios found as the
class's new baseline. Ratios that count a few words, or depend on the machine's pace, have to reach their target
instead. Ratios of other engines' time to ours are told and fail nothing: within a class they differ by half. A part
says for each ratio that it can't measure why that is so.
"""


def load(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The results that are there, by part, in the parts' order."""
    paths = {part.name: folder / f"{part.name}.json" for part in PARTS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def digest(results: Results) -> str:
    """A hash of all results, which the plot carries."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def table(results: Results) -> str:
    """The one Markdown table: every ratio, and what it should reach."""
    lines = ["| ratio, more is better | measured | target |", "|---|---|---|"]
    for part in PARTS:
        if part.name in results:
            lines += _ratios(part, results[part.name])
        else:
            lines.append(f"| *{part.name}* | unmeasured | |")
    return "\n".join([*lines, "", *_provenance(results)])


def _ratios(part: Part, result: Mapping[str, Any]) -> Iterable[str]:
    mark = " (quick)" if result.get("quick") else ""
    ratios, skipped = result["ratios"], result.get("skipped", {})
    unmeasured = [row["name"] for row in result["rows"] if row["value"] is None]
    if not (ratios or skipped or unmeasured):
        yield f"| *{result['title']}* | no ratio, figures in docs/benchmarks.md | |"
    yield from (f"| {name} | unmeasured | |" for name in unmeasured)
    for name in [*ratios, *(name for name in skipped if name not in ratios)]:
        target = part.target(name, result["processor"])
        wanted = f"≥ {shown(target)} " if target else "no target for this class " if name in part.targets else ""
        if name in ratios:
            missed = " (missed)" if target and ratios[name] < target else ""
            yield f"| {name} | {shown(ratios[name])}{mark}{missed} | {wanted}|"
        else:
            yield f"| {name} | not measured: {skipped[name]} | {wanted}|"


def _provenance(results: Results) -> Iterable[str]:
    """On which class of processors, where and when, once for each machine and day."""
    origins: dict[str, list[str]] = {}
    for name, result in results.items():
        origin = f"class {result['processor']}: {result['machine']}, {result.get('date', 'undated')}"
        origins.setdefault(origin, []).append(name)
    for origin, names in origins.items():
        yield f"Measured on {origin}" + (f" ({', '.join(names)})" if len(origins) > 1 else "") + "."


def summary(results: Results, plot: str) -> str:
    """The table, the plot, whose address is given without its ending, and why targets are missed."""
    reasons = list(missed(results))
    parts = [table(results), f"![Ratios with their targets, and wall time against a video's length]({plot}.png)"]
    if reasons:
        parts += ["What is missed, and why:", "\n".join(map(_item, reasons))]
    return "\n\n".join(parts)


def _item(text: str) -> str:
    return textwrap.fill(text, 118, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _paragraph(text: str) -> str:
    """Lines of at most 120 characters; a command is never cut in two."""
    kept = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), text)
    return textwrap.fill(kept, 120, break_on_hyphens=False).replace("\0", " ")


def document(results: Results) -> str:
    """docs/benchmarks.md: the summary, and each part's own figures."""
    introduction = "\n\n".join(map(_paragraph, _INTRODUCTION.split("\n\n")))
    sections = [introduction + "\n", summary(results, PLOT.name)]
    sections += [f"\n## {result['title']}\n\n{markdown(result)}" for result in results.values()]
    return "\n".join(sections) + "\n"


def scenarios(results: Results) -> str:
    """docs/scaling.md's table: every scenario that was simulated."""
    rows = results.get("scale", {}).get("series", {}).get("scenarios")
    return columns(rows) if rows else "Unmeasured."


def between_markers(page: str, text: str) -> str:
    """The page with `text` between its markers.

    Raises
    ------
    ValueError
        It has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def write(results: Results) -> None:
    """Write the document, the README's summary, docs/scaling.md's table, and the plot."""
    from benchmarks.plot import draw  # noqa: PLC0415  the rest works without matplotlib

    DOCUMENT.write_text(document(results), encoding="utf-8")
    for page, text in ((README, summary(results, f"docs/{PLOT.name}")), (SCALING, scenarios(results))):
        page.write_text(between_markers(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    draw(results, PLOT)


if __name__ == "__main__":
    write(load())
