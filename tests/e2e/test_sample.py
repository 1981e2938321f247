"""The contents of the results of the sample video."""

import hashlib
import json
import re
from collections import Counter
from fractions import Fraction

import av
import cv2
import numpy as np
import pysubs2
import pytest

from tests.e2e.conftest import SAMPLE
from tests.result_sets import named
from tests.schemas import validate

WORDS = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"


@pytest.fixture(scope="module")
def detections(sample_run):
    lines = (sample_run.folder / "my_video.detections.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def test_everything_is_there(sample_run):
    assert sample_run.files == named("my_video")


def test_what_users_read_is_as_its_schema_says(sample_run, detections):
    validate(sample_run.json("my_video.json"), "manifest")
    validate(sample_run.json("my_video.transcript.json"), "transcript")
    assert len(detections) == 110
    for line in detections:
        validate(line, "detections-line")


def test_the_subtitles_say_what_is_said(sample_run):
    cues = pysubs2.load(sample_run.folder / "my_video.srt")
    assert re.sub(r"[^a-z ]", "", " ".join(cue.plaintext.replace("\n", " ") for cue in cues).lower()) == WORDS
    assert all(len(line) <= 42 for cue in cues for line in cue.plaintext.split("\n"))
    assert all(cue.plaintext.count("\n") <= 1 for cue in cues)
    first, last = cues[0], cues[-1]
    assert first.start < 1000
    assert 9500 < last.end <= 11020


def test_every_frame_comes_out_at_the_same_rate(sample_run):
    with av.open(str(SAMPLE)) as source, av.open(str(sample_run.folder / "my_video.avi")) as result:
        assert result.streams.video[0].codec_context.name == "mpeg4"
        assert result.streams.video[0].average_rate == source.streams.video[0].average_rate == Fraction(10)
        assert len(list(result.decode(video=0))) == len(list(source.decode(video=0))) == 110


def test_the_mp4_has_the_same_frames_and_the_sound_as_it_was(sample_run):
    mp4 = sample_run.folder / "my_video.mp4"
    with av.open(str(SAMPLE)) as source, av.open(str(mp4)) as result:
        assert [stream.codec_context.name for stream in result.streams] == ["h264", "aac", "mov_text"]
        assert result.streams.subtitles[0].language == "eng"
        before, after = ([bytes(each) for each in film.demux(audio=0) if each.size] for film in (source, result))
        assert before == after
    likeness = [
        10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))
        for one, other in zip(frames(mp4), frames(sample_run.folder / "my_video.avi"), strict=True)
    ]
    assert len(likeness) == 110
    assert min(likeness) > 30


def test_the_manifest_tells_the_sums_of_the_files(sample_run):
    files = sample_run.json("my_video.json")["files"]
    assert {file["key"] for file in files} == {f"result/{name}" for name in sample_run.files - {"my_video.json"}}
    for file in files:
        content = (sample_run.folder / file["key"].removeprefix("result/")).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_sound_is_the_original(sample_run):
    def loudness(path):
        with av.open(str(path)) as container:
            assert container.streams.audio[0].codec_context.name == ("mp3float" if path != SAMPLE else "aac")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
            blocks = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = np.concatenate(blocks).astype(float)
        return np.sqrt(np.add.reduceat(samples**2, range(0, len(samples), 800)) / 800)  # tenths of a second

    before, after = loudness(SAMPLE), loudness(sample_run.folder / "my_video.avi")
    assert abs(len(before) - len(after)) <= 1
    common = min(len(before), len(after))
    assert np.corrcoef(before[:common], after[:common])[0, 1] > 0.98, "the same audio at the same time"


def test_people_and_a_car_are_found_where_they_are(detections):
    assert [line["frame"] for line in detections] == list(range(110))
    assert [line["time"] for line in detections] == [round(n / 10, 6) for n in range(110)]
    people = [sum(found["class"] == "person" for found in line["objects"]) for line in detections]
    assert min(people) >= 3
    cars = set()
    for line in detections:  # a car is parked at the upper right edge throughout
        (car,) = [found for found in line["objects"] if found["class"] == "car"]
        cars.add(car["track"])
        x, y, width, height = car["box"]
        assert car["confidence"] > 0.5
        assert (abs(x - 723) < 15, abs(y - 51) < 15, abs(width - 43) < 15, abs(height - 44) < 15) == (True,) * 4
    assert len(cars) == 1


def test_people_keep_their_tracks(sample_run, detections):
    """About a dozen come and go; two are in view from the beginning to the end."""
    unique = sample_run.json("my_video.json")["detections"]["unique"]
    tracks = Counter(found["track"] for line in detections for found in line["objects"] if "track" in found)
    assert 8 <= unique["person"] <= 18
    assert unique["car"] == 1
    assert sorted(tracks) == list(range(1, sum(unique.values()) + 1))
    assert sum(seen >= 90 for seen in tracks.values()) >= 3, "these two and the car"


def test_boxes_are_drawn_around_what_was_found_and_nowhere_else(sample_run, detections):
    source, result = frames(SAMPLE), frames(sample_run.folder / "my_video.avi")
    for number in (0, 54, 109):
        changed = np.abs(source[number].astype(int) - result[number]).max(axis=2) > 70
        near = np.zeros(changed.shape, np.uint8)
        for found in detections[number]["objects"]:
            x, y, width, height = (round(value) for value in found["box"])
            cv2.rectangle(near, (x - 110, y - 40), (x + width + 110, y + height + 40), 1, -1)  # also its label
            edge = changed[max(0, y - 2) : y + height + 3, max(0, x - 2) : x + 3]
            assert edge.any(axis=1).mean() > 0.6, f"frame {number}: {found} has a left edge"
        assert changed.any()
        assert not changed[near == 0].any(), f"frame {number} is untouched away from its boxes"


def test_the_manifest_tells_what_happened(sample_run, detections):
    manifest = sample_run.json("my_video.json")
    assert manifest["schema"] == 1
    assert manifest["input"]["picture"]["frames"] == manifest["detections"]["frames"] == 110
    assert manifest["detections"]["frame_rate"] == "10/1"
    assert manifest["converted_because"] == [], "h264 at a constant rate needs no conversion"
    assert {model["name"] for model in manifest["models"].values()} == {"yolov3-tiny", "whisper-base"}
    assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) for m in manifest["models"].values() for file in m["files"])
    assert [(step["name"], step["ran_on"]) for step in manifest["steps"]] == [
        ("ffmpeg", "lambda"),
        ("audio2srt", "lambda"),
        ("yolov3", "batch"),
        ("merge", "lambda"),
    ]
    assert all(step["seconds"] > 0 and step["started"].endswith("Z") for step in manifest["steps"])
    counted = sum(found["class"] == "person" for line in detections for found in line["objects"])
    assert manifest["detections"]["objects"]["person"] == counted


def test_the_terminal_shows_where_each_step_ran_and_where_the_results_are(sample_run):
    for line in (
        "FFmpeg on Lambda: done",
        "Audio2srt on Lambda: done",
        "Yolov3 on Batch: done",
        "Merge on Lambda: done",
    ):
        assert line in sample_run.out
    assert str(sample_run.folder / "my_video.avi") in sample_run.out
    assert not sample_run.err
    lines = sample_run.out.splitlines()
    assert all(line.strip() for line in lines), "no empty lines in a pipe"
    assert all(line.isprintable() for line in lines), "no control characters of a terminal"
