"""Count how often the workflow encodes a frame, and what it copies."""

import hashlib
import os
import stat
from types import SimpleNamespace

import av
import imageio_ffmpeg
import pytest

from tests.e2e.conftest import SAMPLE, ffmpeg, started

#: records its arguments, and runs the real FFmpeg
NOTING = """#!/bin/sh
printf '%s\\t' "$@" | tr '\\n' ' ' >> '{log}'
echo >> '{log}'
exec '{real}' "$@"
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """An embedded AWS whose FFmpeg records its runs, with segments of 4 s."""
    folder = tmp_path_factory.mktemp("noting")
    log, script = folder / "log", folder / "ffmpeg"
    script.write_text(NOTING.format(log=log, real=imageio_ffmpeg.get_ffmpeg_exe()))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    log.touch()
    with started("--segment-seconds", "4", env=os.environ | {"IMAGEIO_FFMPEG_EXE": str(script)}) as running:
        yield SimpleNamespace(stack=running, log=log)


def picture_encodes(log):
    """The runs of FFmpeg that encode video. annotate_video encodes the annotated AVIs itself, once, without FFmpeg."""
    runs = [line.split("\t") for line in log.read_text().splitlines()]
    assert runs, "every step uses this FFmpeg"
    codecs = [run[at + 1] for run in runs for at, name in enumerate(run) if name in ("-vcodec", "-c:v")]
    return [codec for codec in codecs if codec != "copy"]


def packets(path):
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(packet)).digest() for packet in container.demux(video=0) if packet.size]


def process(up, video, folder):
    """Run a video. Return the ETags by key (without the execution's name), the AVIs as files, and FFmpeg's encodes."""
    up.log.write_text("")
    execution = up.stack.process_video(video, f"start/{video.name}")
    assert execution["status"] == "SUCCEEDED"
    s3, bucket = up.stack.client("s3"), up.stack.bucket
    etags, avis = {}, {}
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        key = each["Key"].replace(f"/{execution['name']}/", "/")
        etags[key] = each["ETag"]
        if key.endswith(".avi"):
            avis[key] = folder / key.replace("/", "-")
            s3.download_file(bucket, each["Key"], str(avis[key]))
    return SimpleNamespace(etags=etags, avis=avis, encodes=picture_encodes(up.log))


@pytest.fixture(scope="module")
def sample_left(up, tmp_path_factory):
    return process(up, SAMPLE, tmp_path_factory.mktemp("sample"))


def test_pictures_that_need_no_conversion_are_encoded_once(sample_left):
    assert sample_left.encodes == []
    boxed = [f"video/my_video.boxed-{part:04}.avi" for part in range(3)]
    detections = {f"video/my_video.detections-{part:04}.jsonl" for part in range(3)}
    between = {key for key in sample_left.etags if key.startswith(("video/", "audio/"))}
    assert between == {"audio/my_video-0000.wav", *boxed, *detections}, "and no conversion"
    encoded = [packet for key in boxed for packet in packets(sample_left.avis[key])]
    assert len(encoded) == 110, "each frame once"
    assert packets(sample_left.avis["result/my_video.avi"]) == encoded, "and never again"


def test_the_upload_is_never_copied(sample_left):
    source = sample_left.etags["start/my_video.mkv"]
    assert [key for key, etag in sample_left.etags.items() if etag == source] == ["start/my_video.mkv"]


def test_converted_pictures_are_encoded_twice(up, tmp_path):
    film, turned = tmp_path / "film.mp4", tmp_path / "turned.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1", "-pix_fmt", "yuv420p", "-c:v", "libx264", film)
    ffmpeg("-display_rotation", "90", "-i", film, "-c", "copy", turned)
    left = process(up, turned, tmp_path)
    assert left.encodes == ["mpeg4"]
    encoded = packets(left.avis["video/turned.boxed-0000.avi"])
    assert len(encoded) == len(packets(left.avis["video/turned.avi"])) == 25
    assert packets(left.avis["result/turned.avi"]) == encoded
