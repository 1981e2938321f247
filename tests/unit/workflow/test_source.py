"""A child of the YOLOv3 step fetches the ranges that it needs: the frames are the same, and errors have their names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import count

import pytest

from avflow.errors import SourceMissing, StorageUnavailable
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import source as sources
from avflow.workflow import yolov3
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.settings import Settings
from avflow.workflow.storage import CONFIG, ObjectStore
from tests.faults.s3_faults import FAULTS, FaultyS3, Injection
from tests.media_samples import ffmpeg, lavfi
from tests.s3_server import Counting, client_for, serving

TASKS = "benchmarks.ranged_work"
SECONDS, SEGMENTS = 60, 6
#: of one child: its share, frames before it that its first frame needs, and a header
MOST_SHARES, HEADER = 1.5, 1 << 20
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-g", "50", "-c:a", "aac")
FILMS = {"last.mp4": (), "first.mp4": ("-movflags", "+faststart"), "cues.mkv": ()}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """One minute of noise with sound, 40 MB or more."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    picture = f"testsrc2=s=320x240:r=25:d={SECONDS},noise=alls=60:allf=t"
    ffmpeg(*lavfi(picture, f"sine=d={SECONDS}"), *X264, path)
    assert path.stat().st_size > sources.WHOLE_BELOW
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server that counts what it sends, and can be told to fail."""
    layers = {}

    def through(app):
        layers["faults"] = FaultyS3(app)
        layers["counting"] = Counting(layers["faults"])
        return layers["counting"]

    with serving(tmp_path_factory.mktemp("s3"), through) as server:
        client = client_for(server.endpoint, retries={**CONFIG.retries}, read_timeout=20)
        client.create_bucket(Bucket="films")
        yield layers["counting"], layers["faults"], client


@pytest.fixture
def counting(served):
    served[0].served.clear()
    served[1].injections.clear()
    return served[0]


class Store(ObjectStore):
    """A store that shows its client."""

    def __init__(self, bucket, client):
        super().__init__(bucket, client)
        self.client = client


@pytest.fixture
def store(served):
    return Store("films", served[2])


def described(store, path, name, *, version=None, seconds=SECONDS / SEGMENTS):
    """The upload of a film, and its media.json."""
    video = VideoRef(store.bucket, f"start/{name}", f"run-{name}", version_id=version)
    store.upload(path, video.key)
    context = StepContext(store, "batch", settings=settings(seconds))
    return video, ffmpeg_step.run(video, context)


def name_of(video):
    """The name of a film in the bucket, without its folder."""
    return video.key.removeprefix("start/")


def settings(seconds=SECONDS / SEGMENTS):
    return Settings(yolov3_model="yolov3-tiny", speech_model="whisper-tiny.en", segment_seconds=seconds)


def detected(store, video, part):
    """The report of one child, and the digests of its video and of its detections."""
    report = yolov3.run(video, StepContext(store, "batch", settings=settings(), part=part), TASKS)
    objects = [
        store.client.get_object(Bucket=store.bucket, Key=key) for key in (video.boxed(part), video.detections(part))
    ]
    return report, [hashlib.sha256(each["Body"].read()).hexdigest() for each in objects]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "first.mp4" else pytest.mark.slow) for name in FILMS]
)
def test_a_child_fetches_about_its_share_and_finds_the_same(store, counting, film, tmp_path, name, monkeypatch):
    path = tmp_path / name
    ffmpeg("-i", film, "-c", "copy", *FILMS[name], path)
    video, media = described(store, path, name)
    assert media.plan.segments.count == SEGMENTS
    size = path.stat().st_size
    for part in (0, 3, SEGMENTS - 1):
        counting.served.clear()
        report, found = detected(store, video, part)
        served = counting.of(name)
        sent = sum(each.sent for each in served)
        assert (report.source.size, report.source.fetched, report.source.ranges) == (size, sent, len(served))
        assert sent <= MOST_SHARES * size / SEGMENTS + HEADER
        assert all(each.range and each.if_match for each in served), "each request is for this version"
        counting.served.clear()
        store.delete(video.part_json("yolov3", part))
        with monkeypatch.context() as patched:
            patched.setattr(sources, "WHOLE_BELOW", size + 1)
            report, whole = detected(store, video, part)
        assert report.source.ranges is None
        assert sum(each.sent for each in counting.of(name)) == report.source.fetched == size
        assert found == whole


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "least"), [(SECONDS, sources.WHOLE_BELOW), (10, 1 << 30)])
def test_one_segment_or_a_small_source_is_downloaded_whole(store, counting, film, monkeypatch, seconds, least):
    monkeypatch.setattr(sources, "WHOLE_BELOW", least)
    name = f"whole-{seconds}.mkv"
    video, media = described(store, film, name, seconds=seconds)
    assert media.plan.segments.count == (1 if seconds == SECONDS else SEGMENTS)
    counting.served.clear()
    report, _ = detected(store, video, 0)
    size = film.stat().st_size
    assert (report.source.size, report.source.fetched, report.source.ranges) == (size, size, None)
    assert sum(each.sent for each in counting.of(name)) == size


#: each test has a film of its own: what another one has left, such as a foreign upload, is never met
FILM_NUMBERS = count()


@pytest.fixture
def ready(store, counting, film):
    """A film that waits for its children."""
    video, _ = described(store, film, f"ready-{next(FILM_NUMBERS)}.mkv")
    counting.served.clear()
    return video


@pytest.mark.slow
def test_a_source_without_any_index_is_downloaded_whole(store, counting, film, tmp_path):
    """MPEG-PS names no place of a frame: a reader would begin at the start."""
    path = tmp_path / "film.mpg"
    ffmpeg("-i", film, "-c:v", "mpeg2video", "-b:v", "8M", "-c:a", "mp2", path)
    assert path.stat().st_size > sources.WHOLE_BELOW
    video, media = described(store, path, "film.mpg")
    assert media.detector_input.key_frames is None
    assert (media.conversion_reasons, media.joined) == ((), None)
    counting.served.clear()
    report, _ = detected(store, video, 3)
    size = path.stat().st_size
    assert (report.source.size, report.source.fetched, report.source.ranges) == (size, size, None)


@pytest.mark.slow
def test_a_stream_without_an_index_is_read_by_that_of_media_json(store, counting, film, tmp_path):
    path = tmp_path / "film.ts"
    ffmpeg("-i", film, "-c", "copy", path)
    video, media = described(store, path, "film.ts")
    assert len(media.detector_input.key_frames.places) >= SECONDS / 2
    counting.served.clear()
    report, found = detected(store, video, 3)
    size = path.stat().st_size
    assert report.source.ranges
    assert sum(each.sent for each in counting.of("film.ts")) <= MOST_SHARES * size / SEGMENTS + 2 * HEADER
    store.delete(video.part_json("yolov3", 3))
    older = replace(media, detector_input=replace(media.detector_input, key_frames=None))
    store.write(video.media_json, older)
    report, whole = detected(store, video, 3)
    assert report.source.ranges is None, "as a media.json of an older release says nothing of an index"
    assert found == whole


# ---------------------------------------------------------------- faults
@pytest.mark.parametrize("fault", ["503 SlowDown", "reset in the middle of a body", "body shorter than Content-Length"])
def test_a_fault_that_passes_is_not_noticed(store, served, ready, fault):
    _, whole = detected(store, ready, 3)
    store.delete(ready.part_json("yolov3", 3))
    planned = Injection(name_of(ready), "", FAULTS[fault], times=3, key=name_of(ready), skip=5)
    served[1].injections.append(planned)
    _, found = detected(store, ready, 3)
    assert planned.fired == 3
    assert found == whole


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["503 SlowDown", "reset in the middle of a body", "body shorter than Content-Length"])
def test_a_fault_in_the_middle_that_stays_has_the_name_of_a_failed_download(store, served, ready, fault):
    served[1].injections.append(Injection(name_of(ready), "", FAULTS[fault], key=name_of(ready), skip=8))
    with pytest.raises(StorageUnavailable, match=re.escape(ready.key)):
        detected(store, ready, 3)
    assert not store.client.list_objects_v2(Bucket="films", Prefix=f"video/run-{name_of(ready)}").get("Contents")


def test_a_refusal_in_the_middle_has_the_name_of_a_failed_download(store, served, ready):
    refused = FAULTS["403 for an object that is there"]
    served[1].injections.append(Injection(name_of(ready), "", refused, key=name_of(ready), skip=8))
    with pytest.raises(SourceMissing, match="may not read it"):
        detected(store, ready, 3)


@pytest.mark.parametrize("how", ["by ranges", "whole"])
def test_an_overwritten_source_is_named_and_not_mixed(store, counting, ready, monkeypatch, how):
    if how == "whole":
        monkeypatch.setattr(sources, "WHOLE_BELOW", 1 << 40)
    key = ready.key
    asked, call = [], Counting.__call__

    def counted(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].endswith(key):
            asked.append(environ.get("HTTP_RANGE"))
            if len(asked) == (8 if how == "by ranges" else 2):
                store.client.put_object(Bucket="films", Key=key, Body=b"another film" * 4_000_000)
        return call(self, environ, start_response)

    monkeypatch.setattr(Counting, "__call__", counted)
    with pytest.raises(SourceMissing, match=rf"{re.escape(ready.key)} was overwritten while it was read") as raised:
        detected(store, ready, 3)
    assert len(asked) > 1
    assert "upload it again" in raised.value.advice


@pytest.mark.slow
def test_a_version_is_read_to_its_end_whatever_replaces_it(store, served, counting, film, monkeypatch):
    client = served[2]
    client.create_bucket(Bucket="versions")
    client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    versions = Store("versions", client)
    client.upload_file(str(film), "versions", "start/v.mkv")
    video, _ = described(versions, film, "v.mkv", version=None)
    video = replace(video, version_id=versions.version(video.key))
    ffmpeg_step.run(video, StepContext(versions, "batch", settings=settings()))
    _, whole = detected(versions, video, 3)
    versions.delete(video.part_json("yolov3", 3))
    client.put_object(Bucket="versions", Key=video.key, Body=b"another film")
    report, found = detected(versions, video, 3)
    assert report.source.ranges
    assert found == whole
