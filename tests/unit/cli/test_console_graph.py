"""The graph of the real state machine, as the console draws it."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml

from avflow_cli.console.graph import Edge, graph_of

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "avflow_cli" / "console" / "page"


@pytest.fixture(scope="module")
def graph():
    return graph_of(yaml.safe_load((ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8")))


def levels(level):
    yield level
    for node in level.nodes:
        for each in node.levels:
            yield from levels(each)


def test_every_state_is_there_once_and_every_edge_leads_to_a_state_of_its_level(graph):
    text = (ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8")
    named = re.findall(r"^ +(\w+):\n +Comment:", text, re.MULTILINE)
    found = [node.name for level in levels(graph) for node in level.nodes]
    assert sorted(found) == sorted(named)
    assert len(found) >= 40
    for level in levels(graph):
        names = {node.name for node in level.nodes}
        assert level.start in names
        assert {name for edge in level.edges for name in (edge.source, edge.target)} <= names


def test_the_kinds_of_transitions_are_told_apart(graph):
    assert {Edge("SourceFitsLambda", "FFmpegOnBatch", "choice"), Edge("SourceFitsLambda", "FFmpeg", "default"),
            Edge("FFmpeg", "ReadMedia", "next"), Edge("FFmpeg", "FFmpegOnBatch", "catch"),
            Edge("FFmpeg", "ReportFailure", "catch")} <= set(graph.edges)  # fmt: skip
    assert len(graph.edges) == len(set(graph.edges))


def test_branches_and_items_are_levels_of_their_own(graph):
    (analyse,) = [node for node in graph.nodes if node.name == "Analyse"]
    assert [level.start for level in analyse.levels] == ["HasSound", "HasPicture"]
    (spans,) = [node for level in analyse.levels for node in level.nodes if node.name == "EachSpan"]
    assert (spans.kind, [level.start for level in spans.levels]) == ("Map", ["SpanFitsLambda"])
    assert spans.ends


def test_the_library_that_lays_the_graph_out_is_the_one_that_notice_names():
    """dist/dagre.esm.js of the package @dagrejs/dagre 3.1.3."""
    digest = hashlib.sha256((PAGE / "dagre.js").read_bytes()).hexdigest()
    assert digest == "b0ddaf4af1417bec9bd89373a3a3987f081727d6cc6d95fc40dbf85a19bdf3b0"
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert re.search(r"dagre 3\.1\.3 +MIT", notice)
    assert digest in notice
    assert "Chris Pettitt" in (PAGE / "dagre.LICENSE.txt").read_text(encoding="utf-8")


def test_the_page_has_no_script_or_style_within_its_text():
    """Its policy would refuse them."""
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?! type=\"module\" src=)", text)
    scripts = "".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js") if path.name != "dagre.js")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", scripts)


@pytest.mark.parametrize("path", sorted(PAGE.glob("*.[jc]s*")), ids=lambda path: path.name)
def test_no_file_of_the_page_is_over_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
