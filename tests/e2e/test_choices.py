"""What a user chooses, for the whole stack and for one upload, through the whole workflow."""

import json

import pytest

from tests.e2e.conftest import SAMPLE, ffmpeg, started
from tests.media_samples import rgb_frames
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up():
    with started("--labels", "none", "--confidence", "0.6", "--segment-seconds", "2") as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The first 4 s of the sample: "And so, my fellow Americans"."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    ffmpeg("-i", SAMPLE, "-t", "4", "-c", "copy", path)
    return path


def processed(up, clip, key, **metadata):
    """Upload the clip with metadata, and wait for the end of its execution."""
    s3, before = up.client("s3"), len(up.executions())
    s3.upload_file(str(clip), up.bucket, key, ExtraArgs={"Metadata": metadata})

    def ended():
        found = up.executions()
        return found if len(found) > before and all(each["status"] != "RUNNING" for each in found) else None

    return max(until(ended, f"the end of {key}", 3 * PATIENCE_SECONDS), key=lambda each: each["startDate"])


def body(up, key):
    return up.client("s3").get_object(Bucket=up.bucket, Key=key)["Body"].read()


def test_an_upload_chooses_otherwise_than_the_stack(up, clip):
    chosen = {"avflow-confidence": "0.4", "avflow-classes": "person", "avflow-speech-language": "de"}
    assert processed(up, clip, "start/own.mkv", **chosen, camera="2")["status"] == "SUCCEEDED"
    own = json.loads(body(up, "result/own.json"))
    told = {name: (each["value"], each["from"]) for name, each in own["choices"].items() if each["from"] != "default"}
    assert told == {
        "confidence": (0.4, "upload"),
        "classes": (["person"], "upload"),
        "speech_language": ("de", "upload"),
        "labels": ("none", "stack"),
    }
    assert len([step for step in own["steps"] if step["name"] == "yolov3"]) > 1, "an array job"
    lines = [json.loads(line) for line in body(up, "result/own.detections.jsonl").splitlines()]
    persons = [one for line in lines for one in line["objects"]]
    assert {one["class"] for one in persons} == {"person"}
    assert own["detections"]["objects"] == {"person": len(persons)}
    assert 0.4 < min(one["confidence"] for one in persons) < 0.6
    assert own["speech"]["language"] == "de"
    assert b"Und so" in body(up, "result/own.srt")


def test_the_same_file_with_other_outputs_is_another_execution_and_removes_what_it_lacks(up, clip):
    def results():
        found = up.client("s3").list_objects_v2(Bucket=up.bucket, Prefix="result/again.")["Contents"]
        return {each["Key"].removeprefix("result/again") for each in found}

    always = {".avi", ".detections.jsonl", ".srt", ".json"}
    first = processed(up, clip, "start/again.mkv", **{"avflow-outputs": "mp4, vtt"})
    assert first["status"] == "SUCCEEDED"
    assert results() == {*always, ".mp4", ".vtt"}
    told = json.loads(body(up, "result/again.json"))["choices"]["outputs"]
    assert told == {"value": ["avi", "srt", "mp4", "vtt"], "from": "upload"}
    second = processed(up, clip, "start/again.mkv", **{"avflow-outputs": "avi"})
    assert second["status"] == "SUCCEEDED"
    assert second["name"] != first["name"]
    assert results() == always


def test_a_wrong_choice_starts_no_job_and_is_reported(up, clip):
    batch = up.client("batch")

    def jobs():
        queues = [each["jobQueueName"] for each in batch.describe_job_queues()["jobQueues"]]
        return [
            job["jobId"]
            for queue in queues
            for status in ("SUBMITTED", "RUNNABLE", "RUNNING", "SUCCEEDED", "FAILED")
            for job in batch.list_jobs(jobQueue=queue, jobStatus=status)["jobSummaryList"]
        ]

    before = jobs()
    for name, metadata in {"value": {"avflow-confidence": "40%"}, "name": {"avflow-clases": "dog"}}.items():
        assert processed(up, clip, f"start/{name}.mkv", **metadata)["status"] == "FAILED"
        report = json.loads(body(up, f"result/{name}.error.json"))
        assert report["error"] == "MetadataInvalid"
        expected = {
            "value": "value.mkv has the metadata avflow-confidence='40%'; it must be a number from 0.01 to 0.99.",
            "name": "name.mkv has the metadata avflow-clases, which has no meaning: did you mean avflow-classes",
        }
        assert report["message"].startswith(expected[name])
    assert jobs() == before


def test_tracks_and_subtitles_are_drawn_over_all_segments(up, clip, tmp_path):
    """The last step draws them, as an isolated job, and the label is there in all segments."""
    drawn = {"avflow-labels": "track", "avflow-subtitles": "burnt", "avflow-confidence": "0.25"}
    plain = {"avflow-labels": "class", "avflow-confidence": "0.25"}
    assert processed(up, clip, "start/drawn.mkv", **drawn)["status"] == "SUCCEEDED"
    assert processed(up, clip, "start/plain.mkv", **plain)["status"] == "SUCCEEDED"
    manifest = json.loads(body(up, "result/drawn.json"))
    assert len([step for step in manifest["steps"] if step["name"] == "yolov3"]) > 1
    assert manifest["warnings"] == []
    assert [step["ran_on"] for step in manifest["steps"] if step["name"] == "merge"] == ["batch"]
    told = {name: manifest["choices"][name] for name in ("labels", "subtitles")}
    assert told == {
        name: {"value": value, "from": "upload"} for name, value in (("labels", "track"), ("subtitles", "burnt"))
    }
    assert body(up, "result/drawn.srt") == body(up, "result/plain.srt")
    for suffix in (".avi", ".mp4"):
        frames = {}
        for name in ("drawn", "plain"):
            path = tmp_path / f"{name}{suffix}"
            path.write_bytes(body(up, f"result/{name}{suffix}"))
            frames[name] = rgb_frames(path, 768, 576).astype(int)
        assert len(frames["drawn"]) == len(frames["plain"]) == manifest["detections"]["frames"]
        changed = abs(frames["drawn"] - frames["plain"]).max(axis=3) > 60
        spoken = changed[:, 500:, 150:620].sum(axis=(1, 2))  # "And so, my fellow Americans" begins at 0.2 s
        assert spoken[10] > 500 > 100 > spoken[0]
        assert changed[:, :450].sum(axis=(1, 2)).min() > 100, "each frame has numbers"
