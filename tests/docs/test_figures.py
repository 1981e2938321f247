"""Every figure of the covered pages is generated, follows from the code, or is in benchmarks/results/by_hand.toml.

A figure is a number with a unit. Tables between `<!-- NAME:start -->` and `<!-- NAME:end -->` are generated; tests
compare them with what generates them. docs/benchmarks.md is generated as a whole (tests/unit/benchmarks/test_parts.py).
"""

import ast
import re
import tomllib
from functools import cache

import pytest
from boto3.s3.transfer import TransferConfig

from avflow.choices import CHOICES
from avflow.media.limits import MAX_SECONDS
from avflow_cli import uploading
from avflow_cli.console.words import KEPT_DAYS
from avflow_cli.main import avflow
from benchmarks import hour, report, short_videos, throttling, tracking, tracking_scenes
from benchmarks.parts import PARTS
from tests.corpus.bounded_case import MOST_BYTES, MOST_SECONDS
from tests.docs.collecting import ROOT
from tests.faults import matrix, s3_matrix
from tests.unit.isolation.attacks import ATTACKS

_UNITS = (
    "%|ms|s|min|minutes?|hours?|h|days?|MB|GB|KB|kB|KiB|MiB|GiB|frames/s|frames per second|times|cores?|Mbit/s|dB"
    "|pixels/s|USD"
)
FIGURE = re.compile(rf"(?<![\w.,])\$?\d[\d ]*(?:[.,]\d+)*\s?(?:{_UNITS})(?![\w/])")
_GENERATED = re.compile(r"<!-- ([\w ]+):start -->.*?<!-- \1:end -->", re.DOTALL)
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
BY_HAND = tomllib.loads((ROOT / "benchmarks" / "results" / "by_hand.toml").read_text("utf-8"))["figure"]
COVERED = (
    "README.md",
    *(f"docs/{name}.md" for name in ("comparison", "faq", "many", "tracking", "speech", "commands", "console")),
    *(f"docs/{name}.md" for name in ("exports", "platforms", "python", "results", "scar")),
)


def constant(path, name):
    """The number that a module gives a name at its top, a private one too."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return number(node.value)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [target.id for target in node.targets[0].elts]
            if name in names:
                return number(node.value.elts[names.index(name)])
    raise LookupError(name)


def number(node):
    """The value of a literal, or of one that is shifted."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift):
        return number(node.left) << number(node.right)
    return ast.literal_eval(node)


@cache
def computed():
    """(page, words with a figure that follows from the code)."""
    easy, mib = tracking_scenes.Difficulty(), uploading.MIB
    hours, since = MAX_SECONDS // 3600, next(p for p in avflow.commands["cost"].params if p.name == "since").default
    hidden, seen = (constant("avflow/tracking/tracker.py", f"_{name}_SECONDS") for name in ("HIDDEN", "DOUBTFUL"))
    loop, instants = (constant("avflow/speech/belief.py", f"_{name}_SHARE") for name in ("LOOP", "INSTANT"))
    films = {row["name"]: row["value"] for row in report.load()["pipeline"]["rows"]}
    return (
        ("README.md", f"hostile uploads, each within {MOST_SECONDS:.0f} s and {MOST_BYTES >> 30} GB"),
        ("docs/faq.md", f"At most {hours} hours"),
        ("docs/faq.md", f"those of the last {since.removesuffix('d')} days"),
        ("docs/commands.md", f"the estimated cost of the runs of the last {since.removesuffix('d')} days"),
        (
            "docs/commands.md",
            f"A file of {uploading.MULTIPART_FROM // mib} MiB or more is sent in parts of "
            f"{uploading.PART_SIZE // mib} MiB or more",
        ),
        ("docs/tracking.md", f"An object keeps its track for {hidden} s out of sight"),
        ("docs/tracking.md", f"seen in the last {seen} s"),
        ("docs/tracking.md", f"at most {constant('avflow/tracking/lines.py', '_WAITING_BYTES') >> 20} MB of lines"),
        *(("docs/tracking.md", f"| {name.replace(',', ':')} | ") for name in tracking.SCENES if "pixels/s" in name),
        (
            "docs/tracking.md",
            f"boxes match from an IoU of {constant('avflow/tracking/tracker.py', '_LEAST')} on | at 5 and 10 frames/s",
        ),
        ("docs/console.md", f"A part of {TransferConfig().multipart_chunksize // mib} MiB is in memory at a time"),
        ("docs/tracking.md", f"hide for up to {easy.hidden_seconds:.0f} s"),
        ("docs/tracking.md", f"a detector that misses {easy.misses:.0%}".replace("%", " %")),
        ("docs/tracking.md", f"errs by {easy.jitter:.0%} of a box's size".replace("%", " %")),
        ("docs/tracking.md", f"YOLOv3 takes {1000 / films['yolov3-random: whole video']:.0f} ms for a frame"),
        ("docs/speech.md", f"a pause of {constant('avflow/speech/subtitles.py', 'LONG_PAUSE')} s"),
        ("docs/speech.md", f"a window ({constant('avflow/speech/windows.py', 'WINDOW_SECONDS'):.0f} s of speech"),
        (
            "docs/speech.md",
            f"more than {loop:.0%} of its words take no time in the audio, or more than {instants:.0%} and the "
            f"text compresses by more than {constant('avflow/speech/belief.py', '_LOOP_COMPRESSION')}".replace(
                "%", " %"
            ),
        ),
        ("docs/commands.md", f"Histories last for {KEPT_DAYS} days"),
        ("docs/console.md", f"more than {KEPT_DAYS} days ago"),
        ("docs/speech.md", f"The same holds for {constant('avflow/speech/doubts.py', '_LONG'):.0f} s of speech"),
    )


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


def test_each_figure_by_hand_says_where_it_comes_from():
    assert all({*entry} == {"page", "text", "command", "date"} and all(entry.values()) for entry in BY_HAND)
    assert len({(entry["page"], entry["text"]) for entry in BY_HAND}) == len(BY_HAND)


def test_a_new_figure_and_a_changed_one_are_found():
    assert unknown("It takes 3.5 s, or 1 200 MB of 20 % in 5x5 on page 7.", ["takes 3.5 s"]) == ["1 200 MB", "20 %"]
    assert unknown("It takes 3.6 s.", ["takes 3.5 s"]) == ["3.6 s"]
    assert unknown("Version 2.6.1, CVE-2026-8461, 99 languages, 4 states", []) == []


# ---------------------------------------------------------------- what the README says that it withstands
def rows(page, heading):
    """The cells of the first table below a heading, without its header."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def spaced(value):
    return f"{value:,}".replace(",", " ")


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
