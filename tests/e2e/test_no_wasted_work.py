"""How often the workflow encodes a frame, by the packets of what it leaves, and what it copies."""

import hashlib
from types import SimpleNamespace

import av
import pytest

from tests.e2e.conftest import SAMPLE, ffmpeg, started


@pytest.fixture(scope="module")
def up():
    """An embedded AWS with segments of 4 s."""
    with started("--segment-seconds", "4") as running:
        yield running


def packets(path):
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(packet)).digest() for packet in container.demux(video=0) if packet.size]


def process(up, video, folder):
    """Run a video. Return the ETags by key (without the execution's name), and the AVIs as files."""
    execution = up.process_video(video, f"start/{video.name}")
    assert execution["status"] == "SUCCEEDED"
    s3, bucket = up.client("s3"), up.bucket
    etags, avis = {}, {}
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        key = each["Key"].replace(f"/{execution['name']}/", "/")
        etags[key] = each["ETag"]
        if key.endswith(".avi"):
            avis[key] = folder / key.replace("/", "-")
            s3.download_file(bucket, each["Key"], str(avis[key]))
    return SimpleNamespace(etags=etags, avis=avis)


@pytest.fixture(scope="module")
def sample_left(up, tmp_path_factory):
    return process(up, SAMPLE, tmp_path_factory.mktemp("sample"))


@pytest.mark.slow
def test_pictures_that_need_no_conversion_are_encoded_once(sample_left):
    boxed = [f"video/my_video.boxed-{part:04}.avi" for part in range(3)]
    of_segments = ("boxed-{:04}.mp4", "detections-{:04}.jsonl", "pictures-{:04}.zip")
    others = {f"video/my_video.{name.format(part)}" for name in of_segments for part in range(3)}
    between = {key for key in sample_left.etags if key.startswith(("video/", "audio/"))}
    assert between == {"audio/my_video-0000.wav", *boxed, *others}, "and no conversion"
    encoded = [packet for key in boxed for packet in packets(sample_left.avis[key])]
    assert len(encoded) == 110, "each frame once"
    assert packets(sample_left.avis["result/my_video.avi"]) == encoded, "and never again"


@pytest.mark.slow
def test_the_upload_is_never_copied(sample_left):
    source = sample_left.etags["start/my_video.mkv"]
    assert [key for key, etag in sample_left.etags.items() if etag == source] == ["start/my_video.mkv"]


@pytest.mark.slow
def test_converted_pictures_are_encoded_twice(up, tmp_path):
    film, turned = tmp_path / "film.mp4", tmp_path / "turned.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1", "-pix_fmt", "yuv420p", "-c:v", "libx264", film)
    ffmpeg("-display_rotation", "90", "-i", film, "-c", "copy", turned)
    left = process(up, turned, tmp_path)
    encoded = packets(left.avis["video/turned.boxed-0000.avi"])
    assert len(encoded) == len(packets(left.avis["video/turned.avi"])) == 25
    assert packets(left.avis["result/turned.avi"]) == encoded
