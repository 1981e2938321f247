"""What `avflow verify` compares, and what it writes for an issue."""

import json
from types import SimpleNamespace

import pytest

from avflow_cli.follow import Task, TaskEvent
from avflow_cli.stack import Stack
from avflow_cli.verify.expectations import Check, compared, overlap, word_errors
from avflow_cli.verify.report import written
from avflow_cli.verify.runs import Run

MANIFEST = {"detections": {"frame_rate": "10/1"}}
CAR = {"class": "car", "box": [720, 50, 45, 46], "confidence": 0.9}
PERSON = {"class": "person", "box": [1, 2, 3, 4], "confidence": 0.9}
SAID = "And so my fellow Americans, ask not\nwhat your country can do for you,"
SUBTITLES = (
    f"1\n00:00:00,000 --> 00:00:08,000\n{SAID}\n\n2\n00:00:08,000 --> 00:00:11,000\nask what you can do\n"
    "for your country.\n"
)


def detections(objects=(CAR, PERSON, PERSON, PERSON), frames=110):
    return "\n".join(json.dumps({"frame": n, "time": n / 10, "objects": list(objects)}) for n in range(frames))


def wrong(*results):
    return [check.name for check in compared(*results) if not check.right]


def test_the_samples_results_are_right():
    assert wrong(MANIFEST, detections(), SUBTITLES) == []


@pytest.mark.parametrize(
    ("results", "names"),
    [
        ((MANIFEST, detections(frames=109), SUBTITLES), ["frames"]),
        ((MANIFEST, detections([PERSON] * 3), SUBTITLES), ["car at its place"]),
        ((MANIFEST, detections([{**CAR, "box": [0, 50, 45, 46]}, *[PERSON] * 3]), SUBTITLES), ["car at its place"]),
        ((MANIFEST, detections([CAR, PERSON]), SUBTITLES), ["3 of person"]),
        ((MANIFEST, detections(), SUBTITLES.replace("fellow Americans", "yellow mary cans")), []),
        ((MANIFEST, detections(), ""), ["words"]),
        ((MANIFEST, "", SUBTITLES), ["frames", "car at its place", "3 of person"]),
        (({"detections": {"frame_rate": "25/1"}}, detections(), SUBTITLES), ["frame rate"]),
    ],
)
def test_what_is_wrong_is_named(results, names):
    assert wrong(*results) == names


def test_overlap_and_word_errors():
    assert overlap([0, 0, 10, 10], [5, 0, 10, 10]) == pytest.approx(1 / 3)
    assert overlap([0, 0, 10, 10], [20, 0, 10, 10]) == 0
    assert word_errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2


def test_the_report_tells_a_failure_and_nothing_private():
    account = SimpleNamespace(
        session=SimpleNamespace(region_name="eu-west-1"), deployment=SimpleNamespace(stack_name="films")
    )
    private = {"FailureEmail": "me@example.com", "VpcId": "vpc-123", "SubnetIds": "subnet-1", "MaxSegments": "16"}
    stack = Stack(account, "CREATE_COMPLETE", "films-bucket", "arn:aws:states:eu-west-1:123456789012:x", private)
    good = Run("as usual", "start/avflow-verify/a/my_video.mkv", status="SUCCEEDED", seconds=61.2)
    good.events = [TaskEvent(Task("FFmpeg", "lambda"), 7.5), TaskEvent(Task("FFmpeg", "lambda"))]
    good.manifest = {
        "steps": [{"name": "ffmpeg", "ran_on": "lambda", "seconds": 3.25}],
        "cost": {"usd": 0.01234},
    }
    bad = Run("without Lambda", "start/avflow-verify/b/my_video.mkv", status="FAILED", error="JobFailed")
    bad.cause = "arn:aws:batch:eu-west-1:123456789012:job/x failed"
    text = written(stack, [good, bad], [Check("words | odd", False, "two\nlines")])
    assert "0 of 1 checks are right." in text
    assert "| words \\| odd | NO | two lines |" in text
    assert "| as usual | ffmpeg | lambda | 3.2 | 4.2 |" in text, "it waited for 4.25 s"
    assert "| as usual | 61 | 0.0123 |" in text
    assert "## without Lambda: FAILED\n\nJobFailed\n" in text
    assert "arn:aws:batch:eu-west-1:ACCOUNT:job/x failed" in text
    assert "| MaxSegments | 16 |" in text
    assert not [word for word in ("me@example.com", "vpc-123", "subnet-1", "123456789012") if word in text]
