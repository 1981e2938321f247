"""Every figure of the covered pages is generated, follows from the code, or is in benchmarks/results/by_hand.toml.

A figure is a number with a unit. `tests.docs.computed` works out those that follow from the code. Tables between
`<!-- NAME:start -->` and `<!-- NAME:end -->`, and those of uploads.md, are generated; tests compare them with what
generates them.

Other tests compare the pages in `ELSEWHERE` as a whole with what they come from; each row of aws-behaviour.md names the
source of what it says, and a test of it.
"""

import re
import tomllib

import pytest

from avflow.choices import CHOICES
from benchmarks import hour, report, short_videos, throttling
from benchmarks.parts import PARTS
from tests.docs.collecting import ROOT
from tests.docs.computed import computed
from tests.docs.computed_scaling import busy_vcpus
from tests.docs.in_code import spaced
from tests.faults import matrix, s3_matrix
from tests.unit.isolation.attacks import ATTACKS

_UNITS = (
    "%|ms|s|seconds?|min|minutes?|hours?|h|days?|weeks?|months?|MB|GB|KB|kB|KiB|MiB|GiB|MB/s|MiB/s|Mbit/s|frames/s"
    "|frames per second|pixels/s|times|cores?|vCPUs?|GPUs?|dB|Hz|kHz|USD"
)
FIGURE = re.compile(rf"(?<![\w.,])\$?\d[\d ]*(?:[.,]\d+)*\s?(?:{_UNITS})(?![\w/])")
_GENERATED = re.compile(r"<!-- ([\w ]+):start -->.*?<!-- \1:end -->|<!-- uploads: .*?<!-- end -->", re.DOTALL)
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
BY_HAND = tomllib.loads((ROOT / "benchmarks" / "results" / "by_hand.toml").read_text("utf-8"))["figure"]
#: pages that another test compares, and what it compares them with
ELSEWHERE = {
    "aws-behaviour": ("tests/unit/test_aws_behaviour.py", "test_each_behaviour_has_a_source_and_a_test"),
    "benchmarks": ("tests/unit/benchmarks/test_parts.py", "report.DOCUMENT"),
    "errors": ("tests/unit/scripts/test_site.py", "errors_page"),
    "faults": ("tests/faults/test_matrix.py", "faults_page"),
    "formats": ("tests/unit/scripts/test_site.py", "formats_page"),
}
_OF_DOCS = {path.stem for path in (ROOT / "docs").glob("*.md")}
COVERED = ("README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in sorted(_OF_DOCS - {*ELSEWHERE})))


def known(page):
    """The words of a page that have a figure with a source."""
    return [text for of, text in computed() if of == page] + [
        entry["text"] for entry in BY_HAND if entry["page"] == page
    ]


def prose(page):
    """What somebody has written, in one line."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return " ".join(_BLOCK.sub(" ", _GENERATED.sub(" ", text)).split())


def unknown(text, words):
    """The figures of a text that are in none of these words."""
    for each in words:
        text = text.replace(each, " ")
    text = re.sub(r"`[^`]*`", " ", text)  # what one types
    return [" ".join(found.group().split()) for found in FIGURE.finditer(text)]


@pytest.mark.parametrize("page", COVERED)
def test_every_figure_has_a_source(page):
    assert unknown(prose(page), known(page)) == []


@pytest.mark.parametrize(("page", "text"), [*computed(), *((entry["page"], entry["text"]) for entry in BY_HAND)])
def test_the_page_tells_what_the_source_says(page, text):
    assert page in COVERED
    assert FIGURE.search(text)
    assert text in prose(page)


def test_the_pages_that_other_tests_are_for_are_there():
    assert {*ELSEWHERE} <= _OF_DOCS
    for path, name in ELSEWHERE.values():
        assert name in (ROOT / path).read_text(encoding="utf-8")


def test_each_figure_by_hand_says_where_it_comes_from():
    assert all({*entry} == {"page", "text", "command", "date"} and all(entry.values()) for entry in BY_HAND)
    assert len({(entry["page"], entry["text"]) for entry in BY_HAND}) == len(BY_HAND)


def test_a_new_figure_and_a_changed_one_are_found():
    assert unknown("It takes 3.5 s, or 1 200 MB of 20 % in 5x5 on page 7.", ["takes 3.5 s"]) == ["1 200 MB", "20 %"]
    assert unknown("It takes 3.6 s.", ["takes 3.5 s"]) == ["3.6 s"]
    assert unknown("20 seconds, 4 vCPUs, 125 MiB/s, 2 kHz", ["4 vCPUs"]) == ["20 seconds", "125 MiB/s", "2 kHz"]
    assert unknown("Version 2.6.1, CVE-2026-8461, 99 languages, 4 states", []) == []


# ---------------------------------------------------------------- what the README says that it withstands
def rows(page, heading):
    """The cells of the first table below a heading, without its header."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_readme_counts_attacks_and_faults_as_the_tests_have_them():
    counted = {what: count for what, count, *_ in rows("README.md", "What it withstands")}
    assert counted["attacks of a decoder that was taken over"] == str(len(ATTACKS))
    (faults,) = [what for what in counted if what.startswith("faults: ")]
    states, s3, kills = (int(each.replace(" ", "")) for each in re.findall(r"\d[\d ]*\d", faults.replace("S3", "")))
    assert states == len(matrix.cells())
    assert s3 == sum(len(cell.states) for cell in s3_matrix.cells())
    assert counted[faults] == spaced(states + s3 + kills)


def test_the_minutes_of_make_bench_are_those_of_its_parts():
    minutes = f"{sum(part.minutes for part in PARTS):.0f} minutes"
    assert f"writes the tables and the plot | {minutes} |" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"for docs/benchmarks.md ({minutes})" in (ROOT / "Makefile").read_text(encoding="utf-8")


# ---------------------------------------------------------------- settings that the questions name
def test_the_questions_have_the_bounds_of_the_choices():
    text, confidence = prose("docs/faq.md"), next(each for each in CHOICES if each.field == "confidence")
    assert f"a confidence above {confidence.default}" in text


# ---------------------------------------------------------------- the tables of scaling.md
def test_the_need_of_gpus_is_that_of_the_mean_upload():
    ten, thousand, hundred_thousand = (busy_vcpus(uploads) for uploads in (10, 1_000, 100_000))
    assert ten < 4
    assert f"| 4 / {thousand:.0f} / {spaced(int(round(hundred_thousand, -2)))} busy |" in prose("docs/scaling.md")


@pytest.mark.parametrize(
    ("markers", "written"),
    [
        pytest.param(short_videos.COSTS, short_videos.cost_table, id="short videos"),
        pytest.param(short_videos.AT_ONCE, short_videos.at_once_table, id="at once", marks=pytest.mark.slow),
        pytest.param(short_videos.PATIENCE, short_videos.patience_table, id="patience", marks=pytest.mark.slow),
        pytest.param((hour.BEGIN, hour.END), hour.table, id="hour", marks=pytest.mark.slow),
        pytest.param((throttling.BEGIN, throttling.END), throttling.table, id="throttling", marks=pytest.mark.slow),
    ],
)
def test_a_simulated_table_is_what_the_simulation_says(markers, written):
    page = hour.PAGE.read_text(encoding="utf-8")
    assert report.between(page, written(), *markers) == page
