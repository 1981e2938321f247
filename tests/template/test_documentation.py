"""The documents name every parameter, error, metric, output and log group, and what they name exists."""

import inspect
import re

import pytest

from avflow import errors
from avflow.workflow import cost
from lambdas.failed import ended, failure
from tests.template.conftest import ROOT


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


DEPLOY, SETTINGS, FAILURES = (text_of(f"docs/{name}.md") for name in ("deploy", "settings", "failures"))
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.AvflowError)]
LEAVES = [each.__name__ for each in CLASSES if not each.__subclasses__()]
NAMED = {name for name, _, _ in failure.BATCH_FAILURES}
NAMED |= {name.removeprefix("States.") for name in failure.PLATFORM_ERRORS}


@pytest.mark.parametrize("name", sorted({*LEAVES, *NAMED, *ended.ERRORS.values(), "JobFailed"}))
def test_every_error_has_its_row(name):
    rows = [line.split("|")[1] for line in FAILURES.partition("\n## Errors\n")[2].splitlines() if "|" in line]
    assert any(f"`{name}`" in row for row in rows)


def test_every_parameter_and_output_is_named(translated):
    assert not [name for name in translated.template["Parameters"] if f"`{name}`" not in SETTINGS]
    assert not [name for name in translated.template["Outputs"] if f"`{name}`" not in DEPLOY]


def test_the_defaults_of_the_parameters_are_those_of_the_template(translated):
    told = {}
    for line in SETTINGS.partition("\n## Parameters of the stack\n")[2].splitlines():
        if line.startswith("| `"):
            names, defaults = (cell.replace("`", "").strip() for cell in line.split("|")[1:3])
            several = ", " in names
            told |= dict(zip(names.split(", "), defaults.split(", ") if several else [defaults], strict=False))
    parameters = translated.template["Parameters"]
    assert set(parameters) >= {name for name, default in told.items() if default and name[0].isupper()}
    wrong = {
        name: told[name] for name, facts in parameters.items() if told.get(name, "") not in ("", str(facts["Default"]))
    }
    assert not wrong
    assert sum(bool(told.get(name)) for name in parameters) >= 16


def test_the_estimate_keeps_files_as_long_as_the_bucket_does(translated):
    days = translated.template["Parameters"]["IntermediateDays"]["Default"]
    rules = translated.resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    kept = {days + rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules if "Prefix" in rule}
    assert kept == {cost.KEPT_DAYS}


def test_every_metric_has_its_row():
    sources = [*ROOT.glob("lambdas/*/app.py"), ROOT / "avflow" / "workflow" / "observability.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    metrics = set(re.findall(r'"([A-Z]\w+)": \(MetricUnit', text))
    calls = re.findall(r"add_metric\((.*), MetricUnit", text)
    metrics |= {name for call in calls for name in re.findall(r'"(\w+)"', call)}
    assert len(metrics) == 10
    assert not [name for name in metrics if f"`{name}`" not in DEPLOY]


def test_every_kind_of_log_group_is_named(translated):
    names = [facts["LogGroupName"]["Fn::Sub"] for facts in translated.properties("AWS::Logs::LogGroup").values()]
    kinds = {re.sub(r"^(/aws/lambda/STACK-).*", r"\1…", name.replace("${AWS::StackName}", "STACK")) for name in names}
    assert not [kind for kind in kinds if f"`{kind}`" not in DEPLOY]


# ---------------------------------------------------------------- make
def test_every_variable_of_make_run_is_named():
    declared = re.search(r"^RUN_VARIABLES := ((?:.*\\\n)*.*)", text_of("Makefile"), re.MULTILINE)[1]
    names = [*declared.replace("\\", "").split(), "PARTS", "BASELINE", "PYTHON"]
    assert len(names) >= 16
    assert not [name for name in names if f"`{name}`" not in SETTINGS]


@pytest.mark.parametrize("page", PAGES)
def test_every_target_and_variable_of_make_that_is_named_exists(page):
    makefile = text_of("Makefile")
    targets = re.search(r"^TARGETS := ((?:.*\\\n)*.*)", makefile, re.MULTILINE)[1].replace("\\", "").split()
    code = re.findall(r"`([^`\n]*)`", text_of(page)) + re.findall(r"```\w*\n(.*?)```", text_of(page), re.DOTALL)
    calls = [call for text in code for call in re.findall(r"\bmake((?: +[\w.=/-]+)+)", text)]
    for call in calls:
        first = next((word for word in call.split() if "=" not in word), None)
        assert first is None or first in targets or first.startswith(".venv/"), f"make {call}"
        assert not [word for word in call.split() if "=" in word and word.partition("=")[0] not in makefile], call


# ---------------------------------------------------------------- links, files, states
def anchors(text):
    """The fragments that GitHub gives the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)", text, re.M)
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for address in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if address.startswith("https://"):
            continue
        name, _, fragment = address.partition("#")
        target = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert target.exists(), address
        assert not fragment or fragment in anchors(target.read_text(encoding="utf-8")), address


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page):
    folders = "avflow|avflow_cli|lambdas|batch_jobs|local_aws|statemachine|benchmarks|tests|scripts|docker|samples|docs"
    named = re.findall(rf"`((?:{folders})/[\w./*-]*)`", text_of(page))
    assert not [path for path in named if not list(ROOT.glob(path.rstrip("/")))]


def test_the_readme_fits_on_a_page():
    assert len(text_of("README.md").splitlines()) <= 120
    for picture in ("result_page.png", "console.png"):
        assert (ROOT / "docs" / picture).stat().st_size < 200_000


def test_the_diagram_shows_states_of_the_workflow():
    diagram = re.search(r"```mermaid\n(.*?)```", text_of("README.md"), re.DOTALL)[1]
    nodes = set(re.findall(r"\b[A-Z]\w+\b", re.sub(r"-- .*? -->|\[.*?\]|\(\[.*?\]\)", " ", diagram)))
    states = set(re.findall(r"^ +(\w+):$", text_of("statemachine/av_workflow.asl.yaml"), re.MULTILINE))
    assert {"FFmpeg", "Audio2srtOnBatch", "Yolov3OnDemand", "MergeOnBatch", "ReportFailure"} <= nodes
    # the group of the states from Yolov3 to Yolov3OnCpu is not a state itself
    assert nodes - states == {"LR", "Segments"}
