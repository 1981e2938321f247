"""One child of an array job: what it fetches, and when it has its first frame, by ranges and by a whole download.

`python -m benchmarks.ranges [--json FILE] [--quick] [--rounds 3]`

The source is on the embedded S3, which waits a fixed time before each answer: 0 and 30 ms. The child reads its segment
in this process, without a detector. Both ways take their turns on the same source, so that a busy machine slows both.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from avflow.media.key_frames import KeyScan
from avflow.media.probing import probe
from avflow.media.ranged import RangedFile
from avflow.video.reader import VideoReader
from avflow.video.segments import Segments
from avflow.workflow import source as sources
from avflow.workflow.reports import DetectorInput, SourceRead
from avflow.workflow.storage import CONFIG, ObjectStore
from benchmarks.common import Result, command_line, ffmpeg
from local_aws.access.authenticator import Authenticator
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.http_server import http_server
from local_aws.s3 import S3App

LATENCIES = (0.0, 0.03)
SECONDS, QUICK_SECONDS, SEGMENTS = 300, 80, 10
#: the segment that is read, of `SEGMENTS`
PART = 6
_KEY = AccessKey("AKIABENCHMARKBENCHMA", "benchmark")
_PICTURE = "testsrc2=s=640x360:r=25:d={0},noise=alls=30:allf=t"
_CODEC = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-g", "50", "-c:a", "aac")
FORMS = {
    "MP4, moov at the end": ("last.mp4", ()),
    "MP4, moov first": ("first.mp4", ("-movflags", "+faststart")),
    "Matroska with cues": ("cues.mkv", ()),
    "Matroska without cues": ("live.mkv", ("-live", "1")),
    "fragmented MP4": ("fragments.mp4", ("-movflags", "frag_keyframe+empty_moov+default_base_moof")),
    "MPEG-TS": ("stream.ts", ()),
    "FLV": ("stream.flv", ()),
}


@dataclass(frozen=True)
class Child:
    """What a child did: seconds from its start to its first and to its last frame, and what it fetched."""

    first: float
    last: float
    read: SourceRead


class Slow:
    """An S3 that waits before each answer."""

    def __init__(self, app: S3App) -> None:
        self._app, self.latency = app, 0.0

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Any:
        time.sleep(self.latency)
        return self._app(environ, start_response)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Slow, ObjectStore]]:
    """The embedded S3, and an empty bucket."""
    app, keys = S3App(folder), AccessKeys()
    slow = Slow(app)
    keys.admit(_KEY)
    server = http_server(Authenticator(keys).guard(slow))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.port}",
            region_name="us-east-1",
            aws_access_key_id=_KEY.id,
            aws_secret_access_key=_KEY.secret,
            config=CONFIG,
        )
        client.create_bucket(Bucket="benchmark")
        yield slow, ObjectStore("benchmark", client)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.close()


def child(store: ObjectStore, where: DetectorInput, segments: Segments, *, whole: bool) -> Child:
    """Read one segment as a child of the array job does."""
    with (
        tempfile.TemporaryDirectory() as folder,
        store.transfers() as transfers,
        patch.object(sources, "WHOLE_BELOW", 0),
    ):
        began = time.perf_counter()
        path, first = Path(folder, where.key), 0.0
        with sources.begun(where, store, transfers, path, by_ranges=not whole) as source:
            source.wait()
            ranged = RangedFile(path, source.ranges.wait, where.key_frames) if source.ranges else None
            with VideoReader(path, where.stream, segments.segment(PART), ranged=ranged) as reader:
                for _ in reader:
                    first = first or time.perf_counter() - began
            return Child(first, time.perf_counter() - began, source.read())


def measure(film: Path, where: DetectorInput, store: ObjectStore, slow: Slow, rounds: int) -> Iterator[tuple[Any, ...]]:
    """For each latency the children that read by ranges, and those that download the whole source."""
    store.upload(film, film.name)
    segments = Segments.of(where.stream.total_frames, Fraction(25), seconds=0.1, most=SEGMENTS)
    for latency in LATENCIES:
        slow.latency = latency
        turns = [[child(store, where, segments, whole=whole) for whole in (False, True)] for _ in range(rounds)]
        yield latency, *zip(*turns, strict=True)
    slow.latency = 0.0


def describe(name: str, size: int, measured: Iterator[tuple[Any, ...]], result: Result) -> None:
    """Rows of one container, and its ratios: the whole download over the ranges."""
    for latency, ranged, whole in measured:
        wait = f"{name}, {1000 * latency:g} ms a request"
        read = ranged[0].read
        if not latency:
            result.row(f"{name}: size", size / 1e6, "MB")
            result.row(f"{name}: fetched by a child", read.fetched / 1e6, f"MB in {read.ranges} requests")
            result.row(f"{name}: fetched of its share", read.fetched * SEGMENTS / size, "times")
        for what in ("first", "last"):
            title = f"{wait}: {what} frame, whole over ranges"
            result.declare(title)
            pairs = [(getattr(a, what), getattr(b, what)) for a, b in zip(ranged, whole, strict=True)]
            result.row(f"{wait}: {what} frame by ranges", statistics.median(a for a, _ in pairs), "s")
            result.ratio(title, statistics.median(b / a for a, b in pairs))


def main() -> None:
    """Measure, and print the table."""
    options = command_line(__doc__, rounds=3).parse_args()
    result = Result("A child of an array job: ranges against the whole download", quick=options.quick)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = folder / "base.mkv"
        inputs = ("-f", "lavfi", "-i", _PICTURE.format(seconds), "-f", "lavfi", "-i", f"sine=d={seconds}")
        ffmpeg(*inputs, *_CODEC, base)
        with serving(folder / "s3") as (slow, store):
            for form, (file, flags) in FORMS.items():
                film = folder / file
                ffmpeg("-i", base, "-c", "copy", *flags, film)
                keys = KeyScan()
                stream = probe(film, measure=False, keys=keys).video
                assert stream is not None
                where = DetectorInput(file, None, replace(stream, held_first=0, held_last=0), keys.found(film))
                describe(form, film.stat().st_size, measure(film, where, store, slow, options.rounds), result)
                film.unlink()
    result.publish(options.json)


if __name__ == "__main__":
    main()
