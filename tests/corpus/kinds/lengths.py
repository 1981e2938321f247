"""Lengths that the header does not know or tells wrongly: what is there is processed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.corpus.boxes import mp4_edited
from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, FLAC, H264, MJPEG, MP2, MP3, MPEG2, OPUS, PCM, VP8, Film, ffmpeg, record, stereo, wav
from tests.corpus.kinds.channels import HEARD, speech
from tests.corpus.kinds.common import FRAGMENTS, LONG, whole

UNKNOWN = 0xFFFFFFFF
#: sizes that espeak-ng and arecord write before they know better
ESPEAK_RIFF, ESPEAK_DATA = 0x7FFFF024, 0x7FFFF000


def _wav(riff: int, data: int, *, tail: bytes = b"") -> Callable[[Path], Path]:
    """A recipe: a WAV file with these two sizes in its header."""

    def make(folder: Path) -> Path:
        path = wav(folder / "sound.wav", speech())
        content = bytearray(path.read_bytes())
        content[4:8], content[40:44] = struct.pack("<I", riff), struct.pack("<I", data)
        path.write_bytes(bytes(content) + tail)
        return path

    return make


def _piped(suffix: str, *encoder: str, form: str = "") -> Callable[[Path], Path]:
    """A recipe: sound that FFmpeg writes into a pipe, so that no length is written back into the header."""

    def make(folder: Path) -> Path:
        source = wav(folder / "source.wav", speech())
        path = folder / f"sound.{suffix}"
        path.write_bytes(ffmpeg("-i", source, *encoder, "-f", form or suffix, "pipe:1"))
        source.unlink()
        return path

    return make


def _patched(make: Callable[[Path], Path], edit: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A recipe whose bytes are edited."""

    def patched(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return patched


def _at(place: int, field: bytes) -> Callable[[bytes], bytes]:
    """An edit: these bytes in this place."""
    return lambda data: data[:place] + field + data[place + len(field) :]


def _after(mark: bytes, skip: int, field: bytes) -> Callable[[bytes], bytes]:
    """An edit: these bytes, `skip` bytes behind the first `mark`."""
    return lambda data: _at(data.index(mark) + len(mark) + skip, field)(data)


def _sound(suffix: str, *encoder: str) -> Callable[[Path], Path]:
    return lambda folder: record(folder / f"sound.{suffix}", Film(), None, encoder, samples=stereo(speech()))


def _film(
    suffix: str, video: Sequence[str] = H264, audio: Sequence[str] = AAC, *options: str
) -> Callable[[Path], Path]:
    return lambda folder: record(folder / f"film.{suffix}", LONG, video, audio, *options)


def _piped_film(
    suffix: str, video: Sequence[str], audio: Sequence[str], form: str, *options: str
) -> Callable[[Path], Path]:
    """A recipe: a film that FFmpeg writes into a pipe."""

    def make(folder: Path) -> Path:
        source = record(folder / "source.nut", LONG, video, audio)
        path = folder / f"film.{suffix}"
        path.write_bytes(ffmpeg("-i", source, "-c", "copy", *options, "-f", form, "pipe:1"))
        source.unlink()
        return path

    return make


def _case(id: str, what: str, make: Callable[[Path], Path], right: Right = HEARD, quick: bool = False) -> Case:
    return Case(f"length-{id}", what, make, right, quick)


ALL_OF_IT = whole(LONG)


def _of_film(**more: Any) -> Right:
    return whole(LONG, **more)


SOUND = (
    _case("wav-0", "WAV, sizes 0 (a recorder whose battery died)", _wav(0, 0), quick=True),
    _case("wav-unknown", "WAV from a pipe, sizes -1", _wav(UNKNOWN, UNKNOWN), quick=True),
    _case("wav-espeak", "WAV from a pipe, size 0x7FFFF024", _wav(ESPEAK_RIFF, ESPEAK_DATA)),
    _case("wav-data-0", "WAV, only the size of the data 0", _wav(36 + 864_000, 0)),
    _case("wav-small", "WAV, RIFF size too small", _wav(100, 864_000)),
    _case("wav-2gb", "WAV, size 0x80000000", _wav(0x80000024, 0x80000000)),
    _case("wav-tail", "WAV of known size with rubbish behind it", _wav(36 + 864_000, 864_000, tail=b"\0rubbish" * 50)),
    _case("wav-ffmpeg", "WAV that FFmpeg wrote into a pipe", _piped("wav", *PCM)),
    _case("wav-float-pipe", "WAV of floats that FFmpeg wrote into a pipe", _piped("wav", "-c:a", "pcm_f32le")),
    _case("w64", "W64 from a pipe", _piped("w64", *PCM)),
    _case(
        "rf64",
        "RF64 of unknown size",
        _patched(_sound("wav", *PCM, "-rf64", "always"), _after(b"ds64", 4, struct.pack("<QQ", 2**64 - 1, 2**64 - 1))),
    ),
    _case(
        "rf64-0",
        "RF64, size 0 in ds64",
        _patched(_sound("wav", *PCM, "-rf64", "always"), _after(b"ds64", 4, struct.pack("<QQ", 0, 0))),
    ),
    _case("au-unknown", "AU from a pipe, size -1", _patched(_sound("au", "-c:a", "pcm_s16be"), _at(8, b"\xff" * 4))),
    _case("au-0", "AU, size 0", _patched(_sound("au", "-c:a", "pcm_s16be"), _at(8, bytes(4)))),
    _case(
        "caf-unknown",
        "CAF from a dead recorder, size -1",
        _patched(_sound("caf", *PCM), _after(b"data", 0, b"\xff" * 8)),
    ),
    _case(
        "aiff-0",
        "AIFF, sizes 0",
        _patched(
            _sound("aiff", "-c:a", "pcm_s16be"), lambda data: _after(b"SSND", 0, bytes(4))(_at(4, bytes(4))(data))
        ),
    ),
    _case("flac-pipe", "FLAC from a pipe", _piped("flac", *FLAC)),
    _case("ogg-pipe", "Opus from a pipe", _piped("ogg", *OPUS)),
    _case("mp3-pipe", "MP3 from a pipe, without a Xing header", _piped("mp3", *MP3, "-write_xing", "0")),
    _case("aac-pipe", "AAC from a pipe", _piped("aac", *AAC, form="adts")),
)

PICTURE = (
    _case(
        "mkv-live",
        "Matroska from a pipe, without a duration or an index",
        _piped_film("mkv", H264, AAC, "matroska"),
        ALL_OF_IT,
        quick=True,
    ),
    _case(
        "webm-live",
        "WebM from a browser, without a duration",
        _piped_film("webm", VP8, OPUS, "webm", "-live", "1"),
        ALL_OF_IT,
    ),
    _case("flv-0", "FLV from a pipe, duration 0", _piped_film("flv", H264, AAC, "flv"), ALL_OF_IT),
    _case("fmp4", "fragmented MP4 from a pipe", _piped_film("mp4", H264, AAC, "mp4", *FRAGMENTS), _of_film(slack=1)),
    _case("mpegts", "transport stream from a pipe", _piped_film("ts", H264, AAC, "mpegts"), ALL_OF_IT),
    _case("ps", "program stream from a pipe", _piped_film("mpg", MPEG2, MP2, "mpeg"), ALL_OF_IT),
    _case(
        "avi-0",
        "AVI from a pipe, sizes and number of frames 0",
        _piped_film("avi", MJPEG, PCM, "avi"),
        _of_film(warns=None),
    ),
    _case(
        "flv-lies",
        "FLV, header announces 20 hours",
        _patched(_film("flv"), _after(b"duration\0", 0, struct.pack(">d", 72_000.0))),
        _of_film(warns=None, or_error=("InvalidMediaTruncated",)),
    ),
    _case(
        "mp4-lies",
        "MP4, header announces 20 hours",
        _patched(
            _film("mp4"), lambda data: mp4_edited(data, [b"moov", b"mvhd"], _at(16, struct.pack(">I", 72_000_000)))
        ),
        ALL_OF_IT,
    ),
    _case(
        "mkv-lies",
        "Matroska, header announces 4 s of 8",
        _patched(_film("mkv"), _after(b"\x44\x89\x88", 0, struct.pack(">d", 4000.0))),
        ALL_OF_IT,
    ),
)

KIND = Kind(
    "Lengths unknown or wrong in headers",
    "What is there is processed to its end.",
    (*SOUND, *PICTURE),
)
