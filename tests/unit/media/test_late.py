"""Streams that appear late in a file that doesn't announce them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from avflow.ffmpeg import extract_wav
from avflow.media import probe
from avflow.video.reader import VideoReader
from tests.media_samples import H264, beeps, ffmpeg, heard_at, lavfi

AUDIO, VIDEO, SCRIPT = 8, 9, 18


def tags(content: bytes) -> Iterator[tuple[int, float, bytes]]:
    """Kind, seconds and bytes of each FLV tag."""
    place = 13
    while place + 11 <= len(content):
        length = 15 + int.from_bytes(content[place + 1 : place + 4])
        milliseconds = int.from_bytes(content[place + 4 : place + 7])
        yield content[place], milliseconds / 1000, content[place : place + length]
        place += length


def starting_late(source: Path, target: Path, kind: int, seconds: float) -> Path:
    """Copy an FLV without its metadata and without the tags of one kind before `seconds`."""
    content, header, kept, begun = source.read_bytes(), b"", [], False
    for tag, time, data in tags(content):
        if tag == SCRIPT:
            continue
        if tag == kind:
            if data[12] == 0:  # the codec's parameters
                header = data
                continue
            is_key = kind == AUDIO or data[11] >> 4 == 1
            if not begun and (time < seconds or not is_key):
                continue
            if not begun:
                kept.append(header[:4] + data[4:8] + header[8:])
            begun = True
        kept.append(data)
    target.write_bytes(content[:4] + bytes([1 if kind == AUDIO else 4]) + content[5:13] + b"".join(kept))
    return target


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """12 s at 8 Mbit/s: FFmpeg looks for streams in the first 5 MB."""
    path = tmp_path_factory.mktemp("late") / "v.flv"
    noise = "testsrc2=r=10:s=320x240:d=12,noise=alls=80:allf=t"
    rate = ("-g", "10", "-b:v", "8M", "-minrate", "8M", "-maxrate", "8M", "-bufsize", "4M", "-nal-hrd", "cbr")
    ffmpeg(*lavfi(noise, beeps((1.0, 10.5), 12)), *H264, *rate, "-c:a", "aac", path)
    assert path.stat().st_size > 10_000_000
    return path


def test_sound_that_appears_after_9_s_is_heard(stream, tmp_path):
    path = starting_late(stream, tmp_path / "v.flv", AUDIO, 9)
    media = probe(path)
    assert media.audio is not None
    assert media.video is not None
    assert media.audio.start_time == pytest.approx(9, abs=0.1)
    assert media.notices == ()
    extract_wav(path, media, tmp_path / "s.wav")
    assert heard_at(tmp_path / "s.wav") == [pytest.approx(10.5, abs=0.05)]
    with VideoReader(path, media.video) as reader:
        assert sum(1 for _ in reader) == 120


def test_a_picture_that_appears_after_9_s_is_seen(stream, tmp_path):
    path = starting_late(stream, tmp_path / "v.flv", VIDEO, 9)
    media = probe(path)
    assert media.audio is not None
    assert media.video is not None
    assert (media.video.frames, media.video.held_first) == (30, pytest.approx(90, abs=2))
    extract_wav(path, media, tmp_path / "s.wav")
    # the number of held frames is rounded up
    assert heard_at(tmp_path / "s.wav") == pytest.approx([1.0, 10.5], abs=0.12)
    with VideoReader(path, media.video) as reader:
        assert sum(1 for _ in reader) == media.video.total_frames
