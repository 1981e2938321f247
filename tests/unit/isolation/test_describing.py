"""A loop inside FFmpeg's own code is ended by the parent of the media process, under the name of the upload."""

import struct
import time
import zlib

import pytest

from avflow.errors import InvalidMediaTooSlow
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import workplace
from avflow.media import patience
from avflow.media_work import limits
from avflow.media_work.requests import Describe
from tests.corpus.boxes import mp4_box, mp4_boxes
from tests.corpus.kinds.hostile_common import film_bytes, moov_of


def endless(path):
    """QuickTime whose compressed index has 60 000 boxes, each of which libavformat compares with all before it."""
    data = film_bytes("mov")
    moov = mp4_box(b"moov", moov_of(data) + mp4_box(b"pssh", bytes(24)) * 60_000)
    packed = mp4_box(b"dcom", b"zlib") + mp4_box(b"cmvd", struct.pack(">I", len(moov)) + zlib.compress(moov, 9))
    others = b"".join(mp4_box(*box) for box in mp4_boxes(data) if box[0] != b"moov")
    path.write_bytes(others + mp4_box(b"moov", mp4_box(b"cmov", packed)))
    return path


@pytest.mark.slow
def test_a_loop_in_c_ends_in_time(monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 2.0)  # here in the parent; the process itself has its 28
    with workplace() as place, MediaWorker("avflow.media_work.ffmpeg", place, programs=True) as worker:
        source = endless(place.inputs / "film.mov")
        request = Describe(str(source), str(place.work / "joined" / source.name), "", False)
        limit = limits.describing("film.mov", source.stat().st_size)
        began = time.monotonic()
        with pytest.raises(InvalidMediaTooSlow, match=r"film\.mov \(\d+ bytes\) was not described within 4 s"):
            worker.do(request, limit=limit)
        assert time.monotonic() - began < 45


@pytest.mark.parametrize(("size", "seconds"), [(0, 30), (99_000_000, 30), (100_000_000, 30), (1_000_000_000, 300)])
def test_the_time_is_in_proportion_to_the_size(size, seconds):
    limit = limits.describing("film.mov", size)
    assert limit.seconds == seconds
    assert limit.with_copying == 10 * seconds
