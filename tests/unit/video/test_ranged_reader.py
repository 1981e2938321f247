"""Frames of a source that is read by ranges equal those of the whole file, and little more than them is fetched."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction

import pytest

from avflow.isolation.ranges import RangedSource
from avflow.media.key_frames import KeyScan
from avflow.media.probing import probe
from avflow.media.ranged import BLOCK, RangedFile
from avflow.video.frames import view
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment, Segments
from tests.media_samples import NUMBERED, ffmpeg, lavfi
from tests.unit.video.test_reader import hashed

SECONDS, SEGMENTS = 60, 6
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b:v", "4M", "-g", "50", "-c:a", "aac")
COPY = ("-c", "copy")
FRAGMENTS = "frag_keyframe+empty_moov"
#: by name of the file: FFmpeg's options, whether it needs an index of its key frames, and MiB besides 1.5 shares: the
#: header, the headers of fragments, and what libavformat reads to find the streams of a file without a header
FORMS = {
    "last.mp4": (COPY, False, 1),
    "first.mp4": ((*COPY, "-movflags", "+faststart"), False, 1),
    "cues.mkv": (COPY, False, 1),
    "vp8.webm": (("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "16", "-b:v", "4M", "-an"), False, 2),
    "mpeg4.avi": (("-c:v", "mpeg4", "-b:v", "4M", "-g", "50", "-c:a", "pcm_s16le"), False, 1),
    "sidx.mp4": ((*COPY, "-movflags", f"{FRAGMENTS}+default_base_moof+global_sidx"), False, 4),
    "live.mkv": ((*COPY, "-live", "1"), True, 1),
    "stream.ts": (COPY, True, 3),
    "stream.m2ts": (COPY, True, 3),
    "stream.flv": (COPY, True, 2),
    "fragments.mp4": ((*COPY, "-movflags", f"{FRAGMENTS}+default_base_moof"), True, 3),
    "absolute.mp4": ((*COPY, "-movflags", FRAGMENTS), True, 3),
    "dash.mp4": ((*COPY, "-movflags", "dash+frag_keyframe"), True, 4),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "base.mkv"
    picture = f"testsrc2=s=320x240:r=25:d={SECONDS},noise=alls=60:allf=t"
    ffmpeg(*lavfi(picture, f"sine=d={SECONDS}"), *H264, path)
    return path


@pytest.fixture(scope="module", params=FORMS)
def film(request, base, tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / request.param
    ffmpeg("-i", base, *FORMS[request.param][0], path)
    keys = KeyScan()
    stream = probe(path, measure=False, keys=keys).video
    return path, stream, keys.found(path)


def whole(path, stream, segment):
    with VideoReader(path, stream, segment) as frames:
        return [hashed(view(frame, stream)) for frame in frames]


def by_ranges(path, stream, segment, key_frames, folder):
    """The frames, and the bytes that were fetched."""
    sparse = folder / f"sparse-{segment.first}-{segment.frames}"
    with path.open("rb") as remote:

        def fetch(first, end):
            return os.pread(remote.fileno(), end - first, first)

        with RangedSource(sparse, path.stat().st_size, fetch) as source:
            source.begin()
            ranged = RangedFile(sparse, source.wait, key_frames)
            with VideoReader(sparse, stream, segment, ranged=ranged) as frames:
                found = [hashed(view(frame, stream)) for frame in frames]
            source.end()
            return found, source.fetched


def test_the_frames_are_the_same_and_little_more_is_fetched(film, tmp_path):
    path, stream, key_frames = film
    _, needs_index, header = FORMS[path.name]
    assert (key_frames is not None) == needs_index
    segments = Segments.of(stream.total_frames, Fraction(25), seconds=0.1, most=SEGMENTS)
    size = path.stat().st_size
    for part in (0, 1, 3, SEGMENTS - 1):
        segment = segments.segment(part)
        found, fetched = by_ranges(path, stream, segment, key_frames, tmp_path)
        assert found == whole(path, stream, segment)
        assert len(found) == segment.frames
        assert fetched <= 1.5 * size / SEGMENTS + (header << 20)


X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "40")
#: what begins with other frames than a complete one, or has other timestamps than its frames' numbers
CODECS = {
    "open.ts": (*X264, "-x264-params", "open-gop=1:scenecut=0"),
    "refresh.flv": (*X264, "-x264-params", "intra-refresh=1"),
    "open.mkv": (*X264, "-x264-params", "open-gop=1:scenecut=0", "-live", "1"),
    "hevc.ts": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=40:open-gop=1:log-level=none"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-g", "40", "-bf", "2"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "40", "-live", "1"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12", "-g", "40", "-svtav1-params", "lp=1", "-movflags", FRAGMENTS),
    "frames.mp4": (*X264, "-movflags", "frag_every_frame+empty_moov+default_base_moof"),
    "wraps.ts": (*X264, "-output_ts_offset", "95440"),
}


@pytest.mark.parametrize("name", CODECS)
def test_key_frames_of_any_codec_are_where_decoding_may_begin(tmp_path, name):
    path = tmp_path / name
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", "500", *CODECS[name], path)
    keys = KeyScan()
    stream = probe(path, measure=False, keys=keys).video
    key_frames = keys.found(path)
    assert len(key_frames.places) >= 500 // 40
    every = whole(path, stream, None)
    assert len(every) == 500
    segments = Segments.of(500, Fraction(30000, 1001), seconds=0.1, most=4)
    for segment in (*map(segments.segment, range(4)), Segment(299, 2), Segment(321, 1), Segment(60, 3)):
        found, _ = by_ranges(path, stream, segment, key_frames, tmp_path)
        assert found == every[segment.first : segment.first + segment.frames]


@pytest.mark.parametrize("places", ["none", "wrong times", "wrong bytes", "beyond the end"])
def test_an_index_that_is_wrong_costs_time_and_no_frame(base, tmp_path, places):
    path = tmp_path / "stream.flv"
    ffmpeg("-i", base, *COPY, path)
    keys = KeyScan()
    stream = probe(path, measure=False, keys=keys).video
    right = keys.found(path)
    wrong = {
        "none": (),
        "wrong times": tuple((ticks + 7, byte) for ticks, byte in right.places),
        "wrong bytes": tuple((ticks, byte + 11) for ticks, byte in right.places),
        "beyond the end": tuple((ticks, path.stat().st_size + byte) for ticks, byte in right.places),
    }[places]
    segment = Segment(700, 100)
    key_frames = replace(right, places=wrong)
    found, fetched = by_ranges(path, stream, segment, key_frames, tmp_path)
    assert found == whole(path, stream, segment)
    assert fetched <= path.stat().st_size


def test_an_index_stays_small_and_covers_the_film(tmp_path):
    path = tmp_path / "intra.ts"
    ffmpeg(*lavfi("testsrc2=s=64x48:r=50:d=60"), "-c:v", "libx264", "-preset", "ultrafast", "-g", "1", path)
    keys = KeyScan()
    probe(path, measure=False, keys=keys)
    found = keys.found(path)
    assert 1024 <= len(found.places) <= 2048
    first, last = found.places[0][0], found.places[-1][0]
    assert (last - first) / 90_000 == pytest.approx(60, abs=0.5)
    assert found.places == tuple(sorted(found.places))
    assert path.stat().st_size > BLOCK


@pytest.mark.parametrize("part", range(4))
def test_a_damaged_start_of_fragments_is_read_as_the_whole_file(base, tmp_path, part):
    """The first key frames can't be decoded: the first frame that can is behind what is opened first."""
    path = tmp_path / "fragments.mp4"
    ffmpeg("-i", base, *COPY, "-movflags", f"{FRAGMENTS}+default_base_moof", path)
    keys = KeyScan()
    probe(path, measure=False, keys=keys)
    right = keys.found(path)
    content = bytearray(path.read_bytes())
    for _, byte in right.places[:3]:
        mdat = content.index(b"mdat", byte) + 4
        content[mdat : mdat + 400_000] = b"\xff" * 400_000
    (tmp_path / "damaged.mp4").write_bytes(content)
    keys = KeyScan()
    stream = probe(tmp_path / "damaged.mp4", measure=False, keys=keys).video
    segment = Segment(stream.total_frames // 4 * part, 60)
    found, _ = by_ranges(tmp_path / "damaged.mp4", stream, segment, keys.found(tmp_path / "damaged.mp4"), tmp_path)
    assert found == whole(tmp_path / "damaged.mp4", stream, segment)
