"""Metrics, as lines that CloudWatch Logs turns into metrics."""

import contextlib
import json

import pytest

from avflow.errors import InvalidMediaEmpty
from avflow.workflow import entry
from avflow.workflow.budget import Budget
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MergeReport, SegmentDoneBefore
from tests.reports import media, segment_report, step
from tests.waiting import PATIENCE_SECONDS

VIDEO = VideoRef("bucket", "start/a.mkv", "run-1")


class Bucket:
    def write(self, key, value):
        pass


@pytest.fixture
def count(monkeypatch, capsys):
    """A function that runs a step and returns its metrics: {metric: (value, dimensions)}."""
    monkeypatch.setattr(entry, "ObjectStore", lambda name: Bucket())

    def run(name, work, ran_on="batch", **environment):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        with contextlib.suppress(InvalidMediaEmpty):
            entry.run_step(name, work, VIDEO, ran_on, Budget())
        counted = {}
        for line in capsys.readouterr().out.splitlines():
            record = json.loads(line)
            for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
                (dimensions,) = directive["Dimensions"]
                for metric in directive["Metrics"]:
                    own = {dimension: record[dimension] for dimension in dimensions}
                    counted[metric["Name"]] = (record[metric["Name"]][0], own)
                    assert directive["Namespace"] == environment.get("POWERTOOLS_METRICS_NAMESPACE", "av-workflow")
        return counted

    return run


def failing(video, context):
    raise InvalidMediaEmpty("a.mkv has 0 bytes")


def test_a_step_that_succeeds_counts_itself_and_its_seconds(count):
    counted = count("ffmpeg", lambda video, context: SegmentDoneBefore(step("ffmpeg")), "lambda")
    own = {"service": "ffmpeg", "ran_on": "lambda"}
    assert counted["StepSucceeded"] == (1, own)
    seconds, dimensions = counted["StepSeconds"]
    assert 0 <= seconds < PATIENCE_SECONDS
    assert dimensions == own
    assert set(counted) == {"StepSucceeded", "StepSeconds"}


def test_a_step_that_fails_counts_its_errors_name(count):
    counted = count("ffmpeg", failing, "lambda")
    assert counted["StepFailed"] == (1, {"service": "ffmpeg", "ran_on": "lambda", "error": "InvalidMediaEmpty"})
    assert set(counted) == {"StepFailed", "StepSeconds"}


def test_work_is_counted_where_it_is_done(count):
    assert count("yolov3", lambda video, context: segment_report(250))["Frames"] == (250, {"service": "yolov3"})
    # a segment that an earlier attempt of the array job finished
    assert "Frames" not in count("yolov3", lambda video, context: SegmentDoneBefore(step("yolov3")))
    merged = MergeReport(media(1000, 12.5), step("merge"), None)
    counted = count("merge", lambda video, context: merged)
    assert (counted["Videos"], counted["MediaSeconds"]) == ((1, {"service": "merge"}), (12.5, {"service": "merge"}))


@pytest.mark.parametrize(("attempt", "fallbacks"), [("1", 1), ("2", 0)])
def test_a_fallback_counts_once_whatever_batch_retries(count, attempt, fallbacks):
    counted = count("merge", failing, FALLBACK_FROM="lambda", AWS_BATCH_JOB_ATTEMPT=attempt)
    expected = {"Fallbacks": (1, {"service": "merge", "came_from": "lambda"})} if fallbacks else {}
    assert {name: value for name, value in counted.items() if name == "Fallbacks"} == expected


def test_the_namespace_is_the_stacks_name(count):
    assert count("ffmpeg", failing, POWERTOOLS_METRICS_NAMESPACE="my-stack")
