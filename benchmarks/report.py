"""Writes the results of all parts into docs/benchmarks.md, its plot, the README's table, and docs/scaling.md's table.

`python -m benchmarks.report` writes them from `benchmarks/results/`, without measuring.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.check import TOLERANCE
from benchmarks.common import ROOT, columns, markdown, shown
from benchmarks.parts import BY_NAME, CHECK_MINUTES, PARTS, Part
from benchmarks.processor import LEVELS
from benchmarks.reasons import missed

RESULTS = ROOT / "benchmarks" / "results"
README, DOCUMENT, SCALING = ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "scaling.md"
PLOT = ROOT / "docs" / "benchmarks"
BEGIN, END = "<!-- bench:start -->", "<!-- bench:end -->"
Results = Mapping[str, Mapping[str, Any]]

#: the README's table: part, ratio, and what it compares, in words
HIGHLIGHTS = (
    ("chain", "yolov3-tiny: avflow run over the three scripts",
     "whole workflow, YOLOv3-tiny: speed over the three scripts of the original"),
    ("peers", "yolov3-tiny: avflow run over ultralytics and whisper-ctranslate2, one after the other",
     "whole workflow, YOLOv3-tiny: speed over ultralytics, then whisper-ctranslate2"),
    ("inference", "YOLOv3-416: over Darknet", "YOLOv3 inference: speed over Darknet"),
    ("inference", "YOLOv3-416: over OpenCV 5 DNN", "YOLOv3 inference: speed over OpenCV 5 DNN"),
    ("inference", "YOLOv3-416: over ONNX Runtime", "YOLOv3 inference: speed over ONNX Runtime"),
    ("speech", "speech: tiny.en over PocketSphinx", "speech recognition: speed of Whisper tiny.en over PocketSphinx"),
    ("segments", "8 children over 1, a wait of 6 ms in place of the network",
     "64 minutes of video: speed of 8 segments over 1, with a wait in place of inference"),
)  # fmt: skip
_CHECKED = ", ".join(part.name for part in PARTS if part.checked)
_INTRODUCTION = f"""\
# Benchmarks

`make bench` measures everything on this page. It also writes this page, the plot, and the tables in README.md and
scaling.md; do not edit them by hand. `make bench PARTS="speech gpu"` measures some parts and keeps the results of the
others. Each part is a module: `.venv/bin/python -m benchmarks.NAME --help`. `.venv/bin/python -m benchmarks.report`
writes the pages from `benchmarks/results/` without measuring. All parts together take about
{sum(part.minutes for part in PARTS):.0f} minutes on two quiet cores:
{", ".join(f"{part.name} {part.minutes:g}" for part in PARTS)}.

**How to read the tables.** *a over b* says how many times better a is than b. *a of b* is the share of b that a
reaches. The weights of YOLOv3 were not available: `yolov3-random` and the rows `YOLOv3-416` use random weights of the
same size, which take the same time. In the rows *children over 1* the array job has several children with one segment
each, and a short wait replaces the network, so that the children do not compete for the cores of this machine.

**How it is measured.** The two sides of a ratio run alternately for several rounds, and the median counts. On a shared
machine absolute times mean little, but ratios hold. What takes long is measured once: the three scripts (half of the
runs of avflow come before them, half after them), a video in segments (one run per number of children), and peak
memory. The matrix product of a GPU is measured after the networks that are compared with it.

**Classes of processors.** Ratios are comparable only within a class of processors. The class is the highest instruction
set that inference uses (`benchmarks/processor.py`): {", ".join(LEVELS)}, or arm. Each result names its class. A target
that depends on the class exists only for the classes for which somebody set one.

**Peers.** `make bench` does not install these two: Darknet is the Debian package `darknet` (`apt install darknet`), and
`make peers` installs ultralytics (AGPL-3.0) and whisper-ctranslate2 into an environment of their own. All other engines
come from the Python package index. A ratio over an engine that is not installed is marked as not measured.

**Regressions.** `make bench-check` runs {_CHECKED} in a short form, which takes about {CHECK_MINUTES} minutes. It fails
if a ratio is more than {100 * TOLERANCE:.0f} % below the baseline of this machine's class in
`benchmarks/baseline.json`, twice in a row. A ratio without a baseline is reported as new and does not fail;
`make bench-check BASELINE=1` stores the ratios of this run as the baseline of the class. Some ratios count a few words
or depend on the speed of the machine; these must reach their target instead. Ratios against another engine's time are
reported and never fail, because they differ by half within a class. Each part gives a reason for a ratio that it cannot
measure.
"""


def load(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The results that exist, by part, in the order of the parts."""
    paths = {part.name: folder / f"{part.name}.json" for part in PARTS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def table(results: Results) -> str:
    """The Markdown table of all ratios and their targets."""
    lines = ["| ratio, more is better | measured | target |", "|---|---|---|"]
    for part in PARTS:
        if part.name in results:
            lines += _ratios(part, results[part.name])
        else:
            lines.append(f"| *{part.name}* | unmeasured | |")
    return "\n".join([*lines, "", *_provenance(results)])


def _ratios(part: Part, result: Mapping[str, Any]) -> Iterable[str]:
    ratios, skipped = result["ratios"], result.get("skipped", {})
    unmeasured = [row["name"] for row in result["rows"] if row["value"] is None]
    if not (ratios or skipped or unmeasured):
        yield f"| *{result['title']}* | figures only, no ratio | |"
    yield from (f"| {name} | unmeasured | |" for name in unmeasured)
    for name in [*ratios, *(name for name in skipped if name not in ratios)]:
        yield f"| {name} | {_cells(part, result, name)}"


def _cells(part: Part, result: Mapping[str, Any], name: str) -> str:
    """The cells "measured" and "target" of one ratio."""
    target = part.target(name, result["processor"])
    wanted = f"≥ {shown(target)} " if target else "no target for this class " if name in part.targets else ""
    if name not in result["ratios"]:
        return f"not measured: {result['skipped'][name]} | {wanted}|"
    value = result["ratios"][name]
    quick = " (quick)" if result.get("quick") else ""
    missed = " (missed)" if target and value < target else ""
    return f"{shown(value)}{quick}{missed} | {wanted}|"


def highlights(results: Results) -> str:
    """The README's table: the few ratios that tell most, and where they were measured."""
    lines = ["| ratio, more is better | measured | target |", "|---|---|---|"]
    for name, ratio, words in HIGHLIGHTS:
        result = results.get(name, {"ratios": {}})
        known = ratio in result["ratios"] or ratio in result.get("skipped", {})
        lines.append(f"| {words} | {_cells(BY_NAME[name], result, ratio) if known else 'unmeasured | |'}")
    parts = {name: results[name] for name, _, _ in HIGHLIGHTS if name in results}
    return "\n".join([*lines, "", *_provenance(parts)])


def _provenance(results: Results) -> Iterable[str]:
    """The class of processors, the machine and the date, once for each combination."""
    origins: dict[str, list[str]] = {}
    for name, result in results.items():
        origin = f"class {result['processor']}: {result['machine']}, {result.get('date', 'undated')}"
        origins.setdefault(origin, []).append(name)
    for origin, names in origins.items():
        yield f"Measured on {origin}" + (f" ({', '.join(names)})" if len(origins) > 1 else "") + "."


def summary(results: Results, plot: str) -> str:
    """The table, the plot (`plot` is its address without suffix), and the reasons for missed targets."""
    reasons = list(missed(results))
    parts = [table(results), f"![Ratios with their targets, and wall time against the length of a video]({plot}.png)"]
    if reasons:
        parts += ["These targets are missed:", "\n".join(map(_item, reasons))]
    return "\n\n".join(parts)


def _item(text: str) -> str:
    return textwrap.fill(text, 118, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _paragraph(text: str) -> str:
    """Lines of at most 120 characters; a line never breaks inside a command."""
    kept = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), text)
    return textwrap.fill(kept, 120, break_on_hyphens=False).replace("\0", " ")


def document(results: Results) -> str:
    """docs/benchmarks.md: the summary, and the figures of each part."""
    introduction = "\n\n".join(map(_paragraph, _INTRODUCTION.split("\n\n")))
    sections = [introduction + "\n", summary(results, PLOT.name)]
    sections += [f"\n## {result['title']}\n\n{markdown(result)}" for result in results.values()]
    return "\n".join(sections) + "\n"


def scenarios(results: Results) -> str:
    """docs/scaling.md's table of the simulated scenarios."""
    rows = results.get("scale", {}).get("series", {}).get("scenarios")
    return columns(rows) if rows else "Unmeasured."


def between_markers(page: str, text: str) -> str:
    """The page with `text` between its markers.

    Raises
    ------
    ValueError
        It has no markers.
    """
    return between(page, text, BEGIN, END)


def between(page: str, text: str, first: str, last: str) -> str:
    """The page with `text` between the markers `first` and `last`.

    Raises
    ------
    ValueError
        It has no such markers.
    """
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"the page has no {first} … {last}")
    return f"{before}{first}\n{text}\n{last}{after}"


def write(results: Results) -> None:
    """Write docs/benchmarks.md, the plot, the README's table, and docs/scaling.md's table."""
    # matplotlib takes a second, in each process that collects tests
    from benchmarks.plot import draw  # noqa: PLC0415

    DOCUMENT.write_text(document(results), encoding="utf-8")
    for page, text in ((README, highlights(results)), (SCALING, scenarios(results))):
        page.write_text(between_markers(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    draw(results, PLOT)


if __name__ == "__main__":
    write(load())
