"""docs/deploy.md lists every parameter, error, metric, output and log group."""

import inspect
import re

import pytest

from avflow import errors
from avflow.workflow import cost
from lambdas.failed import ended, failure
from tests.template.conftest import ROOT

DOCUMENT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.AvflowError)]
LEAVES = [each.__name__ for each in CLASSES if not each.__subclasses__()]
NAMED = {name for name, _, _ in failure._BATCH} | {name.removeprefix("States.") for name in failure._PLATFORM}


@pytest.mark.parametrize("name", sorted({*LEAVES, *NAMED, *ended._ERRORS.values(), "JobFailed"}))
def test_every_error_has_its_row(name):
    rows = [line.split("|")[1] for line in DOCUMENT.partition("## When something fails")[2].splitlines() if "|" in line]
    assert any(f"`{name}`" in row for row in rows)


def test_every_parameter_and_output_is_named(translated):
    names = [*translated.template["Parameters"], *translated.template["Outputs"]]
    assert not [name for name in names if f"`{name}`" not in DOCUMENT]


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
    assert not [name for name in metrics if f"`{name}`" not in DOCUMENT]


def test_every_kind_of_log_group_is_named(translated):
    names = [facts["LogGroupName"]["Fn::Sub"] for facts in translated.properties("AWS::Logs::LogGroup").values()]
    kinds = {re.sub(r"^(/aws/lambda/STACK-).*", r"\1…", name.replace("${AWS::StackName}", "STACK")) for name in names}
    assert not [kind for kind in kinds if f"`{kind}`" not in DOCUMENT]


def test_files_that_are_named_are_there():
    for path in re.findall(r"`((?:avflow|samples)/[\w./]+)`", DOCUMENT):
        assert (ROOT / path).exists(), path
