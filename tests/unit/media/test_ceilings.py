"""The ceilings of the probe: what is out of proportion, takes too much memory or too long; and what is not."""

import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from avflow.errors import (
    InvalidMediaOutOfProportion,
    InvalidMediaTooLarge,
    InvalidMediaTooLong,
    InvalidMediaTooSlow,
    MemoryExhausted,
)
from avflow.media import limits, memory, patience
from avflow.media.lengths.mpeg_audio import last_frame_is_cut
from avflow.media.patience import Packets, check, limited
from avflow.media.probing import probe
from avflow.media.shapes.references import references
from tests.media_samples import ffmpeg

HOUR = 3600
FILM = Path("film.mkv")


@pytest.mark.parametrize(
    ("what", "size", "given"),
    [
        ("an hour of black 1080p in AV1", 3_300_000, {"frames": 108_000, "pixels": 108_000 * 1920 * 1080}),
        ("ten hours of black 4K in AV1", 38_000_000, {"frames": 1_080_000, "pixels": 1_080_000 * 3840 * 2160}),
        ("an hour of black 8K", 3_300_000, {"frames": 108_000, "pixels": 108_000 * 7680 * 4320}),
        ("ten hours at 1 frame/s", 1_000_000, {"frames": 36_000, "pixels": 36_000 * 1920 * 1080}),
        ("ten hours of silence in FLAC", 5_900_000, {"samples": 10 * HOUR * 96_000, "sound": Fraction(10 * HOUR)}),
        ("a day of silence in Opus", 10_000_000, {"samples": 24 * HOUR * 96_000, "sound": Fraction(24 * HOUR)}),
        ("a day of silence, 8 kHz FLAC", 1_700_000, {"samples": 24 * HOUR * 8_000, "sound": Fraction(24 * HOUR)}),
        ("three pictures in a day", 2_000, {"frames": 3, "pixels": 3 * 4096}),
    ],
)
def test_what_is_only_black_silent_or_still_is_accepted(what, size, given):
    limits.check_proportion(FILM, size, **given)


@pytest.mark.parametrize(
    ("size", "given", "named"),
    [
        (593_000, {"frames": 3_000_000}, "593000 bytes but gives 3000000 frames"),
        (86_444, {"sound": Fraction(24 * HOUR)}, "gives 86400 seconds of sound"),
        (1_800_000, {"samples": 26 * 10**9}, "gives 26000000000 samples of sound"),
        (100_000, {"frames": 90_000, "pixels": 90_000 * 7680 * 4320}, "pixels"),
    ],
)
def test_what_its_bytes_cant_hold_is_refused(size, given, named):
    with pytest.raises(InvalidMediaOutOfProportion, match=rf"film\.mkv has .*{named}"):
        limits.check_proportion(FILM, size, **given)


def test_more_frames_than_a_day_has_are_refused():
    with pytest.raises(InvalidMediaTooLong, match=r"5400001 frames: at most 5400000"):
        limits.check_proportion(FILM, 10**10, frames=5_400_001)


@pytest.mark.parametrize(
    ("width", "height", "bits", "kept"), [(7680, 4320, 24, 6), (3840, 2160, 24, 16), (8190, 8190, 12, 4)]
)
def test_common_videos_fit_into_memory(width, height, bits, kept):
    limits.check_memory(FILM, width, height, bits, kept)
    assert limits.threads_within(limits.frame_bytes(width, height, bits), kept) >= 1


@pytest.mark.parametrize(
    ("width", "height", "bits", "kept"), [(8190, 8190, 12, 16), (8190, 8190, 48, 1), (7680, 4320, 24, 16)]
)
def test_a_decoder_that_would_take_gigabytes_is_not_run(width, height, bits, kept):
    with pytest.raises(InvalidMediaTooLarge, match=rf"film\.mkv has frames of {width}x{height}"):
        limits.check_memory(FILM, width, height, bits, kept)


def test_threads_are_fewer_where_frames_are_large(monkeypatch):
    monkeypatch.setattr(limits, "codec_threads", lambda: 9)
    assert limits.threads_within(3_000_000, 4) == 9
    assert limits.threads_within(100_000_000, 6) == 4
    assert limits.threads_within(160_000_000, 6) == 1


def test_damaged_parameter_sets_keep_nothing():
    assert references("h264", b"") == references("h264", b"\1\x64\0\x28\xff\xff\xff\xff") == 0
    assert references("hevc", b"\0\0\1\x42\1" + b"\xff" * 40) <= 16
    assert references("vp9", b"") == 8
    assert references("prores", b"") == 0


# ---------------------------------------------------------------- time and packets
@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(1000))
    return path


def test_a_file_has_its_time(film, monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", -1.0)
    check()  # nobody limits it
    with limited(film), pytest.raises(InvalidMediaTooSlow, match=r"film\.mkv \(1000 bytes\) could not be described"):
        check()
    check()


def test_a_large_file_has_more(film, monkeypatch):
    monkeypatch.setattr(patience, "BYTES", 100)
    with limited(film):
        assert 250 < patience.seconds_left() <= 280
        with limited(film.parent):  # within another block
            assert 250 < patience.seconds_left() <= 280
    assert patience.seconds_left() is None


def test_measurements_end_before_the_rest(film, monkeypatch):
    assert not patience.measured_enough()
    with limited(film):
        assert not patience.measured_enough()
        monkeypatch.setattr(patience, "_SHARE_OF_MEASUREMENTS", 0.0)
        assert patience.measured_enough()
        check()


def test_packets_that_repeat_the_same_bytes_end(film, monkeypatch):
    monkeypatch.setattr(patience, "_ALWAYS_PACKETS", 10)
    packets = Packets("ogg")
    for _ in range(2000):
        packets.add()
    with limited(film), pytest.raises(InvalidMediaOutOfProportion, match="1000 bytes, but repeats them"):
        for _ in range(10):  # not every packet is a reason to look
            packets.add()


def test_headers_that_point_at_one_another_are_read_once(tmp_path):
    path = tmp_path / "sound.aac"
    path.write_bytes(b"\xff\xf1\x50\x80\0\xe0" * 5_000)
    with path.open("rb") as file:
        assert last_frame_is_cut(file, path.stat().st_size) in (True, False)


# ---------------------------------------------------------------- memory
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the data of a process")
def test_too_much_memory_has_a_name_and_the_limit_ends(film, monkeypatch):
    monkeypatch.setattr(memory, "DESCRIBING_BYTES", 2**27)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    for _ in range(2):
        told = r"film\.mkv \(1000 bytes\) takes more than 128 MiB"
        with pytest.raises(InvalidMediaOutOfProportion, match=told), limited(film):
            bytearray(2**29)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(bytearray(2**29)) == 2**29


def test_what_the_step_itself_runs_out_of_keeps_its_name(film):
    with pytest.raises(MemoryExhausted), limited(film):
        raise MemoryExhausted("the machine has no more")


def test_blocks_of_several_threads_share_the_limit(film):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with limited(film), ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: _limited_once(film), range(20)))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def _limited_once(film):
    with limited(film):
        pass


@pytest.mark.slow
# ---------------------------------------------------------------- sound that is too long to be measured whole
def test_the_rest_of_long_sound_is_measured_in_samples(tmp_path, monkeypatch):
    """Ten minutes: silence, then a tone that is heard from the fifth minute on."""
    path = tmp_path / "long.mka"
    tone = "aevalsrc='0.5*sin(2000*t)*gte(t,300)':d=600:s=8000"
    ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "flac", path)
    whole = probe(path)
    assert whole.notices == () and whole.audio.peak < 0.6
    monkeypatch.setattr(patience, "_SHARE_BEFORE_SAMPLES", 0.0)
    sampled = probe(path)
    assert [notice.name for notice in sampled.notices] == ["SoundSampled"]
    assert sampled.audio.peak == 1.0  # so that a limiter follows
    (track,), (other,) = sampled.tracks, whole.tracks
    assert track.level == pytest.approx(other.level, abs=1)
