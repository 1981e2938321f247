"""A stream that can't be decoded does not cost the other one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from avflow.errors import InvalidMediaDamaged, InvalidMediaUnreadable
from avflow.ffmpeg import convert, extract_wav
from avflow.media import Media, probe
from avflow.video.reader import VideoReader
from tests.media_samples import H264, beeps, ffmpeg, heard_at, lavfi, packet_places, pattern, tone

SECONDS = 6


def garbled(source: Path, kind: str, target: Path, first: float = 0, last: float = 1) -> Path:
    """Copy an MP4 with random bytes in packets of its video or audio stream, from one part of them to another."""
    content, noise = bytearray(source.read_bytes()), random.Random(1)
    places = packet_places(source, kind)
    for position, size in places[round(first * len(places)) : round(last * len(places))]:
        content[position : position + size] = noise.randbytes(size)
    target.write_bytes(content)
    return target


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    ffmpeg(*lavfi(pattern(SECONDS), beeps((0.5, 5.0), SECONDS)), *H264, "-g", "25", "-bf", "0", "-c:a", "aac", path)
    return path


def made(folder: Path, video: tuple[str, ...], audio: tuple[str, ...]) -> Path:
    ffmpeg(*lavfi(pattern(SECONDS), tone(SECONDS)), *video, *audio, folder / "made.mp4")
    return folder / "made.mp4"


def names(media: Media) -> list[str]:
    return [notice.name for notice in media.notices]


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "ac3", "flac", "libvorbis"])
def test_garbage_as_sound_leaves_the_picture(tmp_path, codec):
    path = garbled(made(tmp_path, H264, ("-c:a", codec)), "audio", tmp_path / "v.mp4")
    media = probe(path)
    assert media.audio is None
    assert media.video is not None
    assert media.video.frames == 25 * SECONDS
    (notice,) = media.notices
    assert notice.name == "AudioUndecodable"
    assert "Audio stream 1 of v.mp4 can't be decoded" in notice.message
    assert "the result has no audio" in notice.message


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libx265", "mpeg2video", "libvpx-vp9"])
def test_garbage_as_picture_leaves_the_sound(tmp_path, codec):
    path = garbled(made(tmp_path, ("-c:v", codec, "-pix_fmt", "yuv420p"), ()), "video", tmp_path / "v.mp4")
    media = probe(path)
    assert media.video is None
    assert media.audio is not None
    (notice,) = media.notices
    assert notice.name == "VideoUndecodable"
    assert "Video stream 0 of v.mp4 can't be decoded" in notice.message
    extract_wav(path, media, tmp_path / "s.wav")
    assert probe(tmp_path / "s.wav").duration == pytest.approx(SECONDS, abs=0.1)


def test_garbage_as_both_is_an_error(good, tmp_path):
    path = garbled(garbled(good, "audio", tmp_path / "a.mp4"), "video", tmp_path / "v.mp4")
    with pytest.raises(InvalidMediaUnreadable, match=r"Video stream 0 of v\.mp4 .* Audio stream 1 of v\.mp4"):
        probe(path)


@pytest.mark.parametrize("tag", [b"ac-4", b"apac", b"xyz0"])
def test_a_codec_that_nobody_decodes_leaves_the_picture(good, tmp_path, tag):
    content = good.read_bytes()
    (tmp_path / "v.mp4").write_bytes(content.replace(b"mp4a", tag).replace(b"esds", b"free"))
    media = probe(tmp_path / "v.mp4")
    assert media.audio is None
    assert media.video is not None
    assert names(media) == ["AudioUndecodable"]


def test_an_unknown_codec_of_matroska_leaves_the_picture(good, tmp_path):
    ffmpeg("-i", good, "-c", "copy", tmp_path / "good.mkv")
    content = (tmp_path / "good.mkv").read_bytes()
    (tmp_path / "v.mkv").write_bytes(content.replace(b"A_AAC", b"A_AC4"))
    media = probe(tmp_path / "v.mkv")
    assert media.audio is None
    assert media.video is not None
    assert names(media) == ["AudioUndecodable"]


def test_another_stream_takes_the_place_of_an_undecodable_one(tmp_path):
    inputs = lavfi(pattern(SECONDS), tone(SECONDS), tone(SECONDS))
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-map", "2", *H264, "-c:a:0", "ac3", "-c:a:1", "aac", tmp_path / "a.mp4")
    path = garbled(tmp_path / "a.mp4", "audio", tmp_path / "v.mp4")
    media = probe(path)
    assert media.audio is not None
    assert (media.audio.index, media.audio.codec) == (2, "aac")
    (notice,) = media.notices
    assert notice.name == "AudioUndecodable"
    assert "another stream is used" in notice.message


def test_encrypted_streams_are_an_error_that_says_so(good, tmp_path):
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    kid = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    ffmpeg("-i", good, "-c", "copy", *key, *kid, tmp_path / "v.mp4")
    with pytest.raises(InvalidMediaUnreadable, match="it is encrypted"):
        probe(tmp_path / "v.mp4")


def test_corrupt_sound_in_the_middle_becomes_silence(good, tmp_path):
    path = garbled(good, "audio", tmp_path / "v.mp4", 0.3, 0.6)
    media = probe(path)
    assert media.audio is not None
    extract_wav(path, media, tmp_path / "s.wav")
    assert probe(tmp_path / "s.wav").duration == pytest.approx(SECONDS, abs=0.05)
    assert heard_at(tmp_path / "s.wav")[0] == pytest.approx(0.5, abs=0.03)
    assert heard_at(tmp_path / "s.wav")[-1] == pytest.approx(5.0, abs=0.03)


def test_sound_that_begins_with_garbage_is_kept(good, tmp_path):
    path = garbled(good, "audio", tmp_path / "v.mp4", 0, 0.7)
    media = probe(path)
    assert media.audio is not None
    extract_wav(path, media, tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav")[-1] == pytest.approx(5.0, abs=0.03)


def test_a_picture_that_dies_is_held_beside_good_sound(good, tmp_path):
    path = garbled(good, "video", tmp_path / "v.mp4", 0.5)
    video = probe(path).video
    assert video is not None
    with VideoReader(path, video) as reader:
        assert sum(1 for _ in reader) == 25 * SECONDS
        (notice,) = reader.notices
    assert notice.name == "VideoDamaged"
    assert "75 consecutive frames, from 3.0 s to 6.0 s, can't be decoded" in notice.message


def test_a_converted_picture_that_dies_is_told_beside_good_sound(tmp_path):
    rotated = ("-display_rotation", "90", "-i", made(tmp_path, (*H264, "-g", "25", "-bf", "0"), ()))
    ffmpeg(*rotated, "-c", "copy", tmp_path / "rotated.mp4")
    path = garbled(tmp_path / "rotated.mp4", "video", tmp_path / "v.mp4", 0.5)
    (notice,) = convert(path, probe(path), tmp_path / "c.avi")
    assert notice.name == "VideoDamaged"
    converted = probe(tmp_path / "c.avi").video
    assert converted is not None
    assert 70 <= converted.frames <= 80


def test_a_picture_that_begins_late_is_held_beside_good_sound(good, tmp_path):
    path = garbled(good, "video", tmp_path / "v.mp4", 0, 0.5)
    media = probe(path)
    assert names(media) == ["VideoDamaged"]
    assert media.video is not None
    with VideoReader(path, media.video) as reader:
        assert sum(1 for _ in reader) == 25 * SECONDS
        assert reader.damaged_frames == 75


def test_without_sound_a_picture_that_dies_is_an_error(good, tmp_path):
    ffmpeg("-i", good, "-c", "copy", "-an", tmp_path / "silent.mp4")
    path = garbled(tmp_path / "silent.mp4", "video", tmp_path / "v.mp4", 0.5)
    video = probe(path).video
    assert video is not None
    with VideoReader(path, video) as reader, pytest.raises(InvalidMediaDamaged):
        list(reader)


def test_a_refused_frame_rate_leaves_the_sound(tmp_path):
    frames = ffmpeg(*lavfi(pattern()), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mjpeg", "-")
    (tmp_path / "v.mjpeg").write_bytes(frames)
    inputs = ("-r", "140000", "-f", "mjpeg", "-i", tmp_path / "v.mjpeg", *lavfi(tone(SECONDS)))
    ffmpeg(*inputs, "-c:v", "copy", "-c:a", "aac", tmp_path / "v.mov")
    media = probe(tmp_path / "v.mov")
    assert media.video is None
    assert media.audio is not None
    assert names(media) == ["VideoLeftOut"]
