"""Results or a report, never both and never a part: Merge and the reporter on one upload, in any order."""

import pytest

from avflow.workflow import merge
from avflow.workflow.context import StepContext
from avflow.workflow.storage import ObjectStore
from lambdas.failed.results import settle
from tests.unit.workflow.test_merge_versions import uploaded

RESULTS = {"result/a.srt", "result/a.json"}
REPORT = {"result/a.error.json"}


def names(s3, bucket):
    return {each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="result/").get("Contents", [])}


def report(s3, bucket, execution):
    """What the reporter does."""
    s3.put_object(Bucket=bucket, Key="result/a.error.json", Body=b'{"error": "ExecutionAborted"}')
    settle(s3, bucket, "result/a", execution)


@pytest.fixture
def video(s3, versioned):
    return uploaded(s3, ObjectStore(versioned, s3), "run-1", "Hello.")


@pytest.mark.parametrize(
    "after", ["upload", "delete", "write"], ids=["a result", "the manifest of before", "the manifest"]
)
def test_a_report_while_merge_publishes_leaves_one_of_the_two(s3, versioned, video, monkeypatch, after):
    store = ObjectStore(versioned, s3)
    act = getattr(ObjectStore, after)

    def and_then_the_run_is_stopped(self, *arguments):
        act(self, *arguments)
        monkeypatch.setattr(ObjectStore, after, act)
        report(s3, versioned, "run-1")

    monkeypatch.setattr(ObjectStore, after, and_then_the_run_is_stopped)
    done = merge.run(video, StepContext(store, "lambda"))
    assert names(s3, versioned) == (RESULTS if done.manifest else REPORT)


def test_a_report_after_the_manifest_goes(s3, versioned, video):
    assert merge.run(video, StepContext(ObjectStore(versioned, s3), "lambda")).manifest
    report(s3, versioned, "run-1")
    assert names(s3, versioned) == RESULTS


def test_complete_results_of_an_earlier_version_stay_beside_the_report(s3, versioned, video):
    merge.run(video, StepContext(ObjectStore(versioned, s3), "lambda"))
    report(s3, versioned, "run-2")
    assert names(s3, versioned) == RESULTS | REPORT


def test_results_without_a_manifest_go_with_the_report(s3, versioned, video):
    for name in ("a.avi", "a.srt", "a.detections.jsonl", "a.b.srt", "ab.srt"):
        s3.put_object(Bucket=versioned, Key=f"result/{name}", Body=b"x")
    report(s3, versioned, "run-1")
    assert names(s3, versioned) == REPORT | {"result/a.b.srt", "result/ab.srt"}, "others have names of their own"


def test_the_next_try_replaces_the_report(s3, versioned, video):
    report(s3, versioned, "run-1")
    merge.run(video, StepContext(ObjectStore(versioned, s3), "lambda"))
    assert names(s3, versioned) == RESULTS


def test_a_failed_newer_version_is_told_alone(s3, versioned, video, monkeypatch):
    """The older one was publishing when the newer one came and failed."""
    store, act = ObjectStore(versioned, s3), ObjectStore.upload

    def and_then_a_newer_one_fails(self, *arguments):
        act(self, *arguments)
        uploaded(s3, store, "run-2")
        report(s3, versioned, "run-2")

    monkeypatch.setattr(ObjectStore, "upload", and_then_a_newer_one_fails)
    assert merge.run(video, StepContext(store, "lambda")).manifest is None
    assert names(s3, versioned) == REPORT
