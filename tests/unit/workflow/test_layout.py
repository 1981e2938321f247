"""Keys: unusual names stay inside their prefix, and every upload has its own results."""

import pytest

from avflow.workflow.layout import VideoRef
from lambdas.failed.failure import error_report_key


def ref(key):
    return VideoRef("bucket", key, "run-1")


@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("start/my_video.mkv", "result/my_video.avi"),
        ("start/holiday/2026/my_video.mkv", "result/holiday/2026/my_video.avi"),
        ("start/no suffix", "result/no suffix.avi"),
        ("start/two.dots.mp4", "result/two.dots.avi"),
        ("start//absolute.mp4", "result//absolute.avi"),
        ("start/.hidden", "result/.hidden.avi"),
        ("start/../up.mp4", "result/../up.avi"),
        ("start/-rf 'quoted' #1 100% ünï 🎬.mov", "result/-rf 'quoted' #1 100% ünï 🎬.avi"),
    ],
)
def test_results_stand_where_the_upload_stood(key, result):
    assert ref(key).result(".avi") == result
    assert error_report_key({"key": key}) == result.removesuffix(".avi") + ".error.json"


def objects(video):
    """All keys of one execution."""
    parts = [key for part in (0, 1) for key in (video.boxed(part), video.detections(part))]
    reports = [video.part_json(step, part) for step in ("yolov3", "audio2srt") for part in (0, 1)]
    return [video.media_json, video.wav(0), video.converted, video.step_error_json("yolov3"), *parts, *reports]


def test_two_uploads_of_one_key_share_no_intermediate():
    first, second = VideoRef("b", "start/a.mkv", "run-1"), VideoRef("b", "start/a.mkv", "run-2")
    assert not set(objects(first)) & set(objects(second))


def test_no_two_parts_or_steps_share_an_object():
    keys = objects(ref("start/a.mkv"))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("key", "name"),
    [("start/a.mkv", "a.mkv"), ("start/..", "video"), ("start/", "video"), ("start/" + "ü" * 500 + ".mkv", None)],
)
def test_scratch_files_have_names_every_file_system_takes(tmp_path, key, name):
    found = ref(key).scratch_name
    assert name is None or found == name
    (tmp_path / found).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [found]


def test_the_state_machines_input_makes_a_reference():
    fields = {"bucket": "b", "key": "start/a.mkv", "execution": "e", "version_id": "v", "size": 3, "later": True}
    assert VideoRef.from_dict(fields) == VideoRef("b", "start/a.mkv", "e", "v", 3)


def test_results_have_the_base_that_was_claimed():
    fields = {"bucket": "b", "key": "start/p/a.mov", "execution": "e", "base": "result/p/a.mov"}
    assert VideoRef.from_dict(fields).result(".srt") == "result/p/a.mov.srt"
    assert error_report_key(fields) == "result/p/a.mov.error.json"


@pytest.mark.parametrize("name", ["a" * 1018, "ü" * 500 + ".mp4", "🎬" * 254 + ".m"])
def test_intermediates_of_long_names_have_valid_keys(name):
    assert all(len(key.encode()) <= 1024 for key in objects(VideoRef("b", "start/" + name, "e" * 80)))
