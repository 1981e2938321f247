"""Uploads that are cut, or have one bad stream, through all steps: the results, and what the manifest says."""

from __future__ import annotations

import pytest

from avflow.errors import FFmpegFailed, InvalidMediaTruncated, MaxRunCostExceeded
from avflow.workflow import ffmpeg as ffmpeg_step
from tests.media_samples import H264, ffmpeg, heard_at, numbers
from tests.unit.media.test_decodability import garbled
from tests.unit.workflow.test_parts import CountingStore, context, films, result, uploaded, whole_way

__all__ = ["films"]  # a fixture


@pytest.fixture
def store(bucket, s3):
    return CountingStore(bucket, s3)


@pytest.fixture
def as_mp4(films, tmp_path):
    ffmpeg("-i", films["loud"], "-c:v", "copy", "-c:a", "aac", tmp_path / "film.mp4")
    return tmp_path / "film.mp4"


def named(manifest):
    return [warning.name for warning in manifest.warnings]


def cut(source, share, target):
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


@pytest.mark.parametrize("segments", [1, 3])
def test_a_cut_file_is_processed_as_far_as_it_goes(store, films, tmp_path, segments):
    video = uploaded(store, cut(films["loud"], 0.7, tmp_path / "cut.mkv"))
    manifest = whole_way(video, store, segment_seconds=600 if segments == 1 else 2.5)
    assert manifest.input.truncated
    assert manifest.input.announced_seconds == pytest.approx(8.04, abs=0.05)
    assert 4.5 < manifest.input.duration < 6.5
    assert named(manifest) == ["Truncated"]
    found = numbers(result(store, video, ".avi", tmp_path))
    assert len(found) == manifest.detections.frames
    assert found[:110] == list(range(110))
    assert heard_at(result(store, video, ".avi", tmp_path)) == [pytest.approx(1, abs=0.01)]


def test_a_setting_refuses_a_cut_file(store, films, tmp_path):
    video = uploaded(store, cut(films["loud"], 0.9, tmp_path / "cut.mkv"))
    with pytest.raises(InvalidMediaTruncated, match=r"cut\.mkv breaks off after"):
        ffmpeg_step.run(video, context(store, on_truncated="fail"))


def test_a_dear_run_ends_before_anything_is_made_for_it(store, films, s3, bucket):
    video = uploaded(store, films["loud"])
    with pytest.raises(MaxRunCostExceeded, match=r"would cost about 0\.\d\d US dollars, and MaxRunCost is 0\.01"):
        ffmpeg_step.run(video, context(store, max_run_cost=0.01))
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [video.key]


def test_undecodable_sound_leaves_the_boxes(store, as_mp4, tmp_path):
    video = uploaded(store, garbled(as_mp4, "audio", tmp_path / "v.mp4"))
    manifest = whole_way(video, store)
    assert named(manifest) == ["AudioUndecodable"]
    assert manifest.speech is None
    assert numbers(result(store, video, ".avi", tmp_path)) == list(range(201))
    assert video.result(".srt") not in manifest.results


def test_an_undecodable_picture_leaves_the_subtitles(store, as_mp4, tmp_path):
    video = uploaded(store, garbled(as_mp4, "video", tmp_path / "v.mp4"))
    manifest = whole_way(video, store)
    assert named(manifest) == ["VideoUndecodable"]
    assert manifest.detections is None
    assert "word0." in result(store, video, ".srt", tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [600, 2.5])
def test_a_picture_that_dies_leaves_boxes_and_subtitles(store, films, tmp_path, seconds):
    picture = (*H264, "-g", "25", "-bf", "0", "-c:a", "aac")
    ffmpeg("-i", films["loud"], *picture, tmp_path / "film.mp4")
    video = uploaded(store, garbled(tmp_path / "film.mp4", "video", tmp_path / "v.mp4", 0.5))
    manifest = whole_way(video, store, segment_seconds=seconds)
    assert named(manifest) == ["VideoDamaged"]
    assert numbers(result(store, video, ".avi", tmp_path)) == [*range(100), *[99] * 101]
    assert manifest.detections.damaged_frames == 101


def test_sound_that_fails_late_leaves_the_boxes(store, films, tmp_path, monkeypatch):
    def failing(source, *_, **__):
        raise FFmpegFailed(f"FFmpeg ended with status 1 on {source.name}")

    monkeypatch.setattr("avflow.ffmpeg.extract_wav", failing)
    video = uploaded(store, films["loud"])
    manifest = whole_way(video, store)
    assert named(manifest) == ["AudioUndecodable"]
    assert manifest.input.audio is None
    assert len(numbers(result(store, video, ".avi", tmp_path))) == 201


def test_a_picture_whose_conversion_fails_leaves_the_subtitles(store, films, tmp_path, monkeypatch):
    def failing(source, *_, **__):
        raise FFmpegFailed(f"FFmpeg ended with status 1 on {source.name}")

    monkeypatch.setattr("avflow.ffmpeg.convert", failing)
    ffmpeg("-i", films["loud"], "-c:v", "copy", "-c:a", "aac", tmp_path / "film.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "film.mp4", "-c", "copy", tmp_path / "v.mp4")
    manifest = whole_way(uploaded(store, tmp_path / "v.mp4"), store)
    assert named(manifest) == ["VideoUndecodable"]
    assert manifest.detections is None
    assert manifest.speech.words == 1
