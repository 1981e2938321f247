"""The site of the documentation: its sources, and the check of what was built."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from avflow.errors import InvalidMediaEmpty, SourceMissing
from avflow_cli.console.graph import graph_of
from lambdas.failed import failure
from scripts import errors_page, formats_page, workflow_page
from scripts.site import assembling, links

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "docs"
    assembling.assemble(ROOT, folder)
    return folder


def named(nav):
    """All pages in the navigation."""
    for entry in nav:
        for target in entry.values():
            yield from [target] if isinstance(target, str) else named(target)


def test_the_navigation_has_each_page_once(sources):
    nav = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    pages = list(named(nav))
    assert sorted(pages) == sorted(path.name for path in sources.glob("*.md"))


@pytest.mark.parametrize("script", [errors_page, formats_page, workflow_page])
def test_the_generated_pages_are_current(script):
    """`python -m scripts.errors_page` and the others write them."""
    assert script.PAGE.read_text(encoding="utf-8") == script.written()


def test_each_error_says_what_it_means_and_what_to_do(sources):
    page = (sources / "errors.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    jobs = {name for name, _, _ in failure.BATCH_FAILURES}
    assert set(rows) == errors_page.names() | jobs | {name.removeprefix("States.") for name in failure.PLATFORM_ERRORS}
    for name, row in rows.items():
        _, _, about, advice, _ = row.replace("\\|", "").split("|")
        assert len(about) > 10, name
        assert len(advice) > 10, name
    for error in (InvalidMediaEmpty, SourceMissing):
        assert error.advice in rows[error.__name__]


def test_each_field_of_each_schema_is_on_the_page_of_the_formats(sources):
    page = (sources / "formats.md").read_text(encoding="utf-8")
    schemas = list((ROOT / "docs" / "schemas").glob("*.json"))
    assert len(schemas) == 4
    for path in schemas:
        schema = json.loads(path.read_text(encoding="utf-8"))
        own = page.partition(f"\n## {schema['title']}\n")[2].partition("\n## ")[0]
        for part in (schema, *schema.get("$defs", {}).values()):
            text = own if part is schema else own.partition(f"\n### {part['title']}\n")[2].partition("\n### ")[0]
            for field, facts in part.get("properties", {}).items():
                row = next(line for line in text.splitlines() if line.startswith(f"| `{field}` | "))
                assert " ".join(facts.get("description", "").split()).replace("|", "\\|") in row
    assert "| `box` | list of 4: number | left, top, width and height in pixels |" in page
    assert "| `speech` | [SpeechSummary](#speechsummary) or null |" in page


def states(level):
    for node in level.nodes:
        yield node
        for inner in node.levels:
            yield from states(inner)


def test_each_state_is_on_the_page_of_the_workflow_with_what_follows(sources):
    page = (sources / "workflow.md").read_text(encoding="utf-8")
    definition = yaml.safe_load((ROOT / "statemachine" / "av_workflow.asl.yaml").read_text(encoding="utf-8"))
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in rows] == [node.name for node in states(graph_of(definition))]
    assert "| `FFmpeg` | Task | `ReadMedia` | `FFmpegOnBatch`, `ReportFailure` |" in rows
    assert "| `Audio2srt` | Task in `EachSpan` | the end | `Audio2srtOnBatch` |" in rows


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[all](settings.md#choices)", "[all](settings.md#choices)"),
        ("[all](../README.md)", "[all](index.md)"),
        ("[all](../README.md#what-you-get)", "[all](index.md)"),
        ("[all](../local_aws/README.md#who-may-call-it)", "[all](embedded-aws.md#who-may-call-it)"),
        ("[all](../CONTRIBUTING.md)", "[all](contributing.md)"),
        ("[all](../template.yaml)", "all (`template.yaml`)"),
        ("[`../NOTICE`](../NOTICE)", "`../NOTICE`"),
        ("[all](https://aws.amazon.com/a.md)", "[all](https://aws.amazon.com/a.md)"),
        ("![a picture](console.png)", "![a picture](console.png)"),
        (
            "```sh\n[a](../template.yaml)\n```\n[a](../template.yaml)",
            "```sh\n[a](../template.yaml)\n```\na (`template.yaml`)",
        ),
    ],
)
def test_a_link_leads_to_the_page_of_the_site_or_becomes_a_path(link, expected):
    pages = {"settings.md": "docs/settings.md", **assembling.ELSEWHERE}
    assert assembling.relinked(link, "docs/scaling.md", pages) == expected


def test_a_link_of_a_page_from_another_folder_leads_into_docs():
    pages = {"settings.md": "docs/settings.md", **assembling.ELSEWHERE}
    assert assembling.relinked("[a](docs/settings.md#b)", "CONTRIBUTING.md", pages) == "[a](settings.md#b)"
    assert assembling.relinked("[a](COVERAGE.md)", "local_aws/README.md", pages) == "[a](embedded-aws-coverage.md)"
    assert assembling.relinked("![a](docs/console.png)", "CONTRIBUTING.md", pages) == "![a](console.png)"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.css").touch()
    (tmp_path / "other.html").write_text('<h2 id="here">Here</h2>', encoding="utf-8")
    return tmp_path


GOOD = """<link rel="stylesheet" href="assets/a.css"><link rel="canonical" href="https://example.com/">
<a href="other.html">a</a><a href="other.html#here">b</a><a id="c" href="#c">c</a><a href="https://example.com/">d</a>"""


def test_a_whole_site_has_no_broken_link(site):
    (site / "index.html").write_text(GOOD, encoding="utf-8")
    assert links.broken(site) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="missing.html">', "index.html links to missing.html, which is not there"),
        ('<a href="other.html#there">', "index.html links to other.html#there, which has no such heading"),
        ('<a href="#there">', "index.html links to #there, which has no such heading"),
        ('<img src="missing.png">', "index.html loads missing.png, which is not there"),
        ('<script src="https://example.com/a.js">', "index.html loads https://example.com/a.js from another host"),
        ('<pre class="mermaid">', "index.html loads https://unpkg.com/mermaid from another host"),
        ('<link rel="stylesheet" href="//a.test/b">', "index.html loads //a.test/b from another host"),
    ],
)
def test_a_broken_link_and_a_foreign_file_are_named(site, html, expected):
    (site / "index.html").write_text(GOOD + html, encoding="utf-8")
    assert links.broken(site) == [expected]
