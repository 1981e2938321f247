"""Files that are cut, and sound files without a length: what is there is processed, and the user is told."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from avflow.errors import InvalidMediaTruncated
from avflow.ffmpeg import convert, extract_wav
from avflow.media import conversion_reasons, probe
from avflow.media.lengths import truncation
from avflow.media.lengths.announced import announced
from avflow.media.notices import Notice
from avflow.video.reader import VideoReader
from tests.media_samples import H264, ffmpeg, lavfi, pattern, tone

SECONDS = 6
FRAGMENTED = (*H264, "-g", "25", "-movflags", "frag_keyframe+empty_moov")
INDEXED = (*H264, "-g", "25", "-movflags", "dash+frag_keyframe+delay_moov+global_sidx")
PCM = ("-c:v", "mpeg4", "-c:a", "pcm_s16le")
#: files that announce their length
ANNOUNCING = {
    "v.mkv": H264,
    "v.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "fast.mp4": (*H264, "-movflags", "+faststart"),
    "indexed.mp4": INDEXED,
    "v.flv": H264,
    "v.avi": PCM,
    "v.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    **dict.fromkeys(("s.wav", "s.w64", "s.aiff", "s.au", "s.caf", "s.flac", "s.mp3"), ()),
    "rf64.wav": ("-rf64", "always"),
}
#: files that announce nothing
SILENT = {
    "v.ts": H264,
    "live.mkv": (*H264, "-live", "1"),
    "fragmented.mp4": FRAGMENTED,
    "s.aac": (),
    "s.ogg": ("-page_duration", "100000"),
    "s.opus": ("-page_duration", "100000"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    for name, codecs in (ANNOUNCING | SILENT).items():
        inputs = lavfi(tone(SECONDS)) if name[0] in "sr" else lavfi(pattern(SECONDS), tone(SECONDS))
        ffmpeg(*inputs, *codecs, folder / name)
    return folder


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def cut(source: Path, share: float, folder: Path) -> Path:
    content = source.read_bytes()
    target = folder / source.name
    target.write_bytes(content[: int(len(content) * share)])
    return target


@pytest.mark.parametrize("name", [*ANNOUNCING, *SILENT])
def test_a_whole_file_is_not_cut(whole, name):
    media = probe(whole / name)
    assert not media.truncated
    assert media.notices == ()
    assert media.announced_seconds is None if name in SILENT else media.announced_seconds == pytest.approx(6, abs=0.15)


@pytest.mark.parametrize("share", [0.98, 0.7])
@pytest.mark.parametrize("name", ANNOUNCING)
def test_a_cut_file_is_described_as_far_as_it_goes(whole, tmp_path, name, share):
    media = probe(cut(whole / name, share, tmp_path))
    assert media.truncated
    assert media.announced_seconds == pytest.approx(SECONDS, abs=0.15)
    assert share * SECONDS - 0.6 < media.duration < share * SECONDS + 0.6
    (notice,) = media.notices
    assert notice.name == "Truncated"
    assert name in notice.message
    if share == 0.7:
        announced_seconds, held = media.announced_seconds, media.duration
        assert f"announces {announced_seconds:.1f} s but holds {held:.1f} s" in notice.message


@pytest.mark.parametrize("name", ANNOUNCING)
def test_less_than_half_is_an_error(whole, tmp_path, name):
    with pytest.raises(InvalidMediaTruncated, match=rf"{name} announces .* s but holds .* s: less than half is there"):
        probe(cut(whole / name, 0.4, tmp_path))


@pytest.mark.parametrize("share", [0.7, 0.4])
@pytest.mark.parametrize("name", SILENT)
def test_a_cut_file_that_announces_nothing_is_processed(whole, tmp_path, name, share):
    media = probe(cut(whole / name, share, tmp_path))
    assert media.truncated
    assert media.announced_seconds is None
    held = f"{name} breaks off after {media.duration:.1f} s: it was processed as far as it goes."
    assert media.notices == (Notice("Truncated", held),)


@pytest.mark.parametrize("share", [0.61, 0.7, 0.83, 0.97])
@pytest.mark.parametrize(
    "name", ["v.mkv", "live.mkv", "fast.mp4", "fragmented.mp4", "v.flv", "v.ts", "v.avi", "v.webm"]
)
def test_every_step_copes_with_a_cut_file(whole, tmp_path, name, share):
    path = cut(whole / name, share, tmp_path)
    media = probe(path)
    assert media.video is not None
    extract_wav(path, media, tmp_path / "s.wav")
    # a fragment holds the pictures of a second, then its sound
    assert seconds_of(tmp_path / "s.wav") == pytest.approx(media.duration, abs=1.1 if name == "fragmented.mp4" else 0.5)
    if conversion_reasons(media):
        assert convert(path, media, tmp_path / "c.avi") == ()
        converted = probe(tmp_path / "c.avi")
        assert converted.video is not None
        assert converted.duration == pytest.approx(media.duration, abs=0.5)
        path, video = tmp_path / "c.avi", converted.video
    else:
        video = media.video
    with VideoReader(path, video) as reader:
        assert sum(1 for _ in reader) == video.total_frames
        assert reader.notices == ()


def test_a_fragmented_recording_survives_a_cut_at_any_byte(whole, tmp_path):
    content = (whole / "fragmented.mp4").read_bytes()
    path = tmp_path / "v.mp4"
    for size in range(len(content) // 3, len(content), len(content) // 37):
        path.write_bytes(content[:size])
        assert probe(path).duration == pytest.approx(SECONDS * size / len(content), abs=1.1)


@pytest.mark.parametrize("share", [0.99, 0.7])
def test_without_its_index_an_mp4_is_an_error_with_advice(whole, tmp_path, share):
    ffmpeg("-i", whole / "v.mkv", "-c", "copy", tmp_path / "v.mp4")
    path = cut(tmp_path / "v.mp4", share, tmp_path)
    with pytest.raises(InvalidMediaTruncated, match=r"v\.mp4 has no index \(the box moov\)") as error:
        probe(path)
    assert "untrunc" in error.value.advice


def test_a_setting_refuses_whatever_is_cut(whole, tmp_path):
    path = cut(whole / "v.mkv", 0.7, tmp_path)
    with pytest.raises(InvalidMediaTruncated, match=r"v\.mkv breaks off after 4\.\d s of 6\.0 s") as error:
        truncation.refuse(path, probe(path))
    assert "OnTruncated" in error.value.advice
    truncation.refuse(whole / "v.mkv", probe(whole / "v.mkv"))


def test_joined_recordings_announce_less_than_they_hold(whole, tmp_path):
    frames = (whole / "s.mp3").read_bytes()
    (tmp_path / "s.mp3").write_bytes(frames * 2)
    header, size = announced(tmp_path / "s.mp3"), 2 * len(frames)
    assert not truncation.extent(header, _Opened("mp3"), 2 * SECONDS, size=size, broken_off=False).truncated


class _Opened:
    def __init__(self, name):
        self.format, self.streams = type("Format", (), {"name": name}), ()


# ---------------------------------------------------------------- sound without a length
def patched(source: Path, target: Path, *changes: tuple[bytes, int, bytes]) -> Path:
    """Overwrite bytes at a distance from a marker; an empty marker is the start of the file."""
    content = bytearray(source.read_bytes())
    for marker, distance, value in changes:
        place = content.index(marker) + distance
        content[place : place + len(value)] = value
    target.write_bytes(content)
    return target


def _wav(size: int) -> list[tuple[bytes, int, bytes]]:
    return [(b"RIFF", 4, struct.pack("<I", size)), (b"data", 4, struct.pack("<I", size))]


def _aiff(size: int) -> list[tuple[bytes, int, bytes]]:
    return [(b"FORM", 4, struct.pack(">I", size)), (b"SSND", 4, struct.pack(">I", size))]


WITHOUT_LENGTH = {
    "wav 0": ("s.wav", _wav(0)),
    "wav -1": ("s.wav", _wav(0xFFFF_FFFF)),
    "wav of eSpeak": (
        "s.wav",
        [(b"RIFF", 4, struct.pack("<I", 0x7FFF_F024)), (b"data", 4, struct.pack("<I", 0x7FFF_F000))],
    ),
    "wav of arecord": ("s.wav", _wav(0x8000_0000)),
    "wav too short": ("s.wav", _wav(88_200)),
    "rf64 0": ("rf64.wav", [(b"ds64", 8, bytes(24))]),
    "rf64 -1": ("rf64.wav", [(b"ds64", 8, b"\xff" * 24)]),
    "rf64 too long": ("rf64.wav", [(b"ds64", 16, struct.pack("<Q", 2**40))]),
    "rf64 too short": ("rf64.wav", [(b"ds64", 16, struct.pack("<Q", 88_200))]),
    "w64 0": ("s.w64", [(b"riff", 16, bytes(8)), (b"data", 16, bytes(8))]),
    "w64 -1": ("s.w64", [(b"riff", 16, b"\xff" * 8), (b"data", 16, b"\xff" * 8)]),
    "au 0": ("s.au", [(b".snd", 8, bytes(4))]),
    "au -1": ("s.au", [(b".snd", 8, b"\xff" * 4)]),
    "caf -1": ("s.caf", [(b"data", 4, b"\xff" * 8)]),
    "caf 0": ("s.caf", [(b"data", 4, bytes(8))]),
    "aiff 0": ("s.aiff", [*_aiff(0), (b"COMM", 10, bytes(4))]),
    "aiff -1": ("s.aiff", [*_aiff(0xFFFF_FFFF), (b"COMM", 10, b"\xff" * 4)]),
}


@pytest.mark.parametrize("case", WITHOUT_LENGTH)
def test_sound_is_read_to_its_end_whatever_its_header_says(whole, tmp_path, case):
    name, changes = WITHOUT_LENGTH[case]
    path = patched(whole / name, tmp_path / name, *changes)
    media = probe(path)
    assert not media.truncated
    assert media.container == probe(whole / name).container
    assert media.duration == pytest.approx(SECONDS, abs=0.05)
    extract_wav(path, media, tmp_path / "out.wav")
    assert seconds_of(tmp_path / "out.wav") == pytest.approx(SECONDS, abs=0.05)
    extract_wav(whole / name, probe(whole / name), tmp_path / "expected.wav")
    assert (tmp_path / "out.wav").read_bytes()[-4_000:] == (tmp_path / "expected.wav").read_bytes()[-4_000:]


def test_an_avi_of_a_dead_recorder_has_no_index_and_no_sizes(whole, tmp_path):
    content = bytearray((whole / "v.avi").read_bytes())
    content = content[: content.rindex(b"idx1")]
    for place in (4, content.index(b"movi") - 4, content.index(b"avih") + 24):
        content[place : place + 4] = bytes(4)
    place = content.find(b"strh")
    while place >= 0:
        content[place + 40 : place + 44] = bytes(4)
        place = content.find(b"strh", place + 4)
    for share in (1, 0.4):
        (tmp_path / "v.avi").write_bytes(content[: int(len(content) * share)])
        media = probe(tmp_path / "v.avi")
        assert media.duration == pytest.approx(SECONDS * share, abs=0.3)
        assert media.video is not None
        with VideoReader(tmp_path / "v.avi", media.video) as reader:
            assert sum(1 for _ in reader) == media.video.total_frames


def unindexed(whole: Path, riff: int, length: int) -> bytearray:
    """An AVI without its index, as a recorder leaves it that writes into a pipe or dies."""
    content = bytearray((whole / "v.avi").read_bytes())
    content = content[: content.rindex(b"idx1")]
    for place in (4, content.index(b"movi") - 4):
        content[place : place + 4] = struct.pack("<I", riff)
    place = content.find(b"strh")
    while place >= 0:
        content[place + 40 : place + 44] = struct.pack("<I", length)
        place = content.find(b"strh", place + 4)
    return content


@pytest.mark.parametrize("length", [0, 1 << 30, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFFF, 0xFFFF_FF00])
def test_a_placeholder_in_an_avi_is_no_announced_length(whole, tmp_path, length):
    (tmp_path / "v.avi").write_bytes(unindexed(whole, 0xFFFF_FFFF, length))
    media = probe(tmp_path / "v.avi")
    assert not media.truncated
    assert media.announced_seconds is None
    assert media.duration == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("share", [0.4, 0.75])
@pytest.mark.parametrize("riff", [0, 0xFFFF_FFFF])
def test_an_avi_of_a_dead_recorder_is_cut_if_its_last_chunk_is(whole, tmp_path, riff, share):
    content = unindexed(whole, riff, 0)
    size = int(len(content) * share)
    chunk = content.rindex(b"00dc", 0, size)
    for end, truncated in ((chunk, False), (chunk + 6, True), (chunk + 50, True)):
        (tmp_path / "v.avi").write_bytes(content[:end])
        media = probe(tmp_path / "v.avi")
        assert media.truncated == truncated
        assert [notice.name for notice in media.notices] == ["Truncated"] * truncated
        assert media.duration == pytest.approx(SECONDS * share, abs=0.3)


HUGE = 26 * 3600
IMPLAUSIBLE = {
    "mkv": ("v.mkv", (b"\x44\x89\x88", 3, struct.pack(">d", HUGE * 1e3))),
    "mkv, bytes": ("v.mkv", (b"\x18\x53\x80\x67", 4, b"\x01\xff\xff\xff\xff\xff\xff\xfe")),
    "flv": ("v.flv", (b"duration\0", 9, struct.pack(">d", HUGE))),
    "flv, bytes": ("v.flv", (b"filesize\0", 9, struct.pack(">d", 0xFFFF_FFFF))),
    "fragmented mp4": ("indexed.mp4", (b"mvhd", 20, struct.pack(">I", 0x7FFF_FFFF))),
    "mp4, bytes": ("fast.mp4", (b"mdat", -4, b"\x7f\xff\xff\xff")),
    "mp4, -1 bytes": ("fast.mp4", (b"mdat", -4, b"\xff\xff\xff\xff")),
    "wmv": ("v.wmv", (bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 64, struct.pack("<Q", 2**62))),
    "wmv, bytes": ("v.wmv", (bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 40, struct.pack("<Q", 0xFFFF_FFFF))),
    "flac": ("s.flac", (b"fLaC", 22, b"\xff\xff\xff\xff")),
    "mp3": ("s.mp3", (b"Info", 8, b"\xff\xff\xff\xff")),
}


@pytest.mark.parametrize("case", IMPLAUSIBLE)
def test_an_implausible_length_is_not_announced(whole, tmp_path, case):
    name, change = IMPLAUSIBLE[case]
    media = probe(patched(whole / name, tmp_path / name, change))
    assert not media.truncated
    assert media.notices == ()
    assert media.duration == pytest.approx(SECONDS, abs=0.15)
