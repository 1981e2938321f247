"""Write docs/workflow.md: the picture of the state machine, and what follows each of its states.

usage: python -m scripts.workflow_page

`python -m scripts.workflow_diagram` draws the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from avflow_cli.console.graph import Level, graph_of

ROOT = Path(__file__).resolve().parents[1]
DEFINITION = ROOT / "statemachine" / "av_workflow.asl.yaml"
PAGE = ROOT / "docs" / "workflow.md"
_HEAD = """\
# The workflow

`python -m scripts.workflow_page` writes this page from `statemachine/av_workflow.asl.yaml`, the definition that is
deployed. The picture shows what a run without errors passes. A dashed arrow is where a step goes that is too large for
Lambda.

![The states of a run without errors](workflow.svg)

`FFmpeg` probes the upload, extracts its audio, and converts a video that the detector cannot read. Then both branches
of `Analyse` run at once: `Audio2srt` recognises each span of the audio, and `Yolov3` detects objects, in an array job
with a child for each segment. `Merge` joins them, follows the objects, and writes subtitles and page.
[Architecture](architecture.md) says how the steps work, [Faults](faults.md) what becomes of each error in each state.

## All states

| state | kind | then | if it fails |
|---|---|---|---|
"""


def level() -> Level:
    """The graph of the state machine that the template deploys."""
    return graph_of(yaml.safe_load(DEFINITION.read_text(encoding="utf-8")))


def written() -> str:
    """The page."""
    return _HEAD + "".join(_rows(level()))


def _rows(level: Level, inside: str = "") -> Iterator[str]:
    for node in level.nodes:
        edges = [edge for edge in level.edges if edge.source == node.name]
        then = [f"`{edge.target}`" for edge in edges if edge.kind != "catch"] + ["the end"] * node.ends
        caught = [f"`{edge.target}`" for edge in edges if edge.kind == "catch"]
        cells = [f"`{node.name}`", node.kind + inside, *(", ".join(dict.fromkeys(each)) for each in (then, caught))]
        yield f"| {' | '.join(cells)} |\n"
        for inner in node.levels:
            yield from _rows(inner, f" in `{node.name}`")


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
