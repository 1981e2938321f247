"""Files with something behind their end, or in front: another film is reported, and the trailers of cameras are not."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path

from tests.corpus.boxes import SEGMENT, ebml_edited, ebml_element
from tests.corpus.case import Kind, Right
from tests.corpus.film import AAC, FLAC, FLV1, H264, MP2, MP3, MPEG2, MPEG4, OPUS, PCM, THEORA, VORBIS, VP9, record
from tests.corpus.kinds.hostile_common import REFUSED, SHORT, case, film_bytes, written

WMV = (("-c:v", "wmv2"), ("-c:a", "wmav2"))
_FILMS = {
    "mp4": (H264, AAC),
    "mov": (MPEG4, PCM),
    "mkv": (H264, AAC),
    "webm": (VP9, OPUS),
    "avi": (MPEG4, MP3),
    "flv": (FLV1, MP3),
    "ts": (MPEG2, MP2),
    "mpg": (MPEG2, MP2),
    "ogg": (THEORA, VORBIS),
    "wmv": WMV,
    "mp3": (None, MP3),
    "wav": (None, PCM),
    "flac": (None, FLAC),
    "aac": (None, AAC),
    "aiff": (None, ("-c:a", "pcm_s16be")),
    "caf": (None, PCM),
    "gif": (("-c:v", "gif"), None),
    "nut": (("-c:v", "ffv1"), FLAC),
}
_SOUNDS = ("mp3", "wav", "flac", "aac", "aiff", "caf")
#: the first file, the second one, and whether the first one comes out as if it were alone
_PAIRS = (
    *(("mkv", second) for second in ("mp4", "mov", "avi", "flv", "ts", "mpg", "ogg", "mp3", "wav", "flac", "aac")),
    *(("mp4", second) for second in ("mkv", "ts", "avi", "flv", "wmv", "ogg", "mp3", "aac", "wav", "mpg", "nut")),
    *(("avi", second) for second in ("mkv", "mp4", "ts", "mp3", "wav")),
    *(("flv", second) for second in ("avi", "mp4", "ts")),
    *(("ogg", second) for second in ("mkv", "mpg")),
    *(("wav", second) for second in ("avi", "mp4", "mp3")),
    *((first, "mp4") for first in ("ts", "mpg", "wmv", "mp3", "flac", "aac", "aiff", "caf", "gif", "webm", "nut")),
)
_SEFT = b"\0\0\1\x0a" + bytes(600) + b"SEFH" + struct.pack("<II", 106, 1) + bytes(12) + b"\x18\0\0\0SEFT"
#: what devices and programs leave behind a film
_TRAILERS = {
    "zeros": ("mp4", bytes(20_000)),
    "id3v1": ("mp3", b"TAG" + b"A song".ljust(125)),
    "ape": ("mp3", b"APETAGEX\xd0\x07\0\0" + bytes(20) + b"x" * 900 + b"APETAGEX\xd0\x07\0\0" + bytes(20)),
    "samsung": ("mp4", _SEFT),
    "insta360": ("mp4", bytes(range(256)) * 8 + b"8db42d694ccc418790edff439fe026bf"),
    "free": ("mp4", struct.pack(">I4s", 5_000, b"free") + bytes(4_992)),
    "uuid": ("mov", struct.pack(">I4s", 1_024, b"uuid") + bytes(1_016)),
    "jpeg": ("mp4", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(3_000) + b"\xff\xd9"),
    "id3-front": ("mp3", b""),
    "void": ("mkv", b"\xec\x42\x00" + bytes(512)),
    "odd": ("avi", b"\0"),
    "text": ("wav", b"recorded in the garden " * 40),
}


@cache
def _film(suffix: str) -> bytes:
    return film_bytes(suffix, *_FILMS[suffix])


@cache
def _faststart() -> bytes:
    """MP4 with its index in front."""
    with tempfile.TemporaryDirectory() as folder:
        return record(Path(folder) / "film.mp4", SHORT, H264, AAC, "-movflags", "+faststart").read_bytes()


def _attached(content: bytes) -> bytes:
    """Matroska with a file as its attachment (RFC 9559, section 5.1.6)."""
    fields = ((b"\x46\x6e", b"a.mp4"), (b"\x46\x60", b"video/mp4"), (b"\x46\xae", b"\1"), (b"\x46\x5c", content))
    file = ebml_element(b"\x61\xa7", b"".join(ebml_element(*each) for each in fields))
    return ebml_edited(_film("mkv"), [SEGMENT], lambda segment: segment + ebml_element(b"\x19\x41\xa4\x69", file))


def _alone(suffix: str, warns: str | None) -> Right:
    """What comes out of a film: its frames and sound, and this warning."""
    if suffix in _SOUNDS:
        return Right(video=False, warns=warns)
    late = 0.03 if suffix == "avi" else 0.0  # FFmpeg's MP3 in AVI begins before its picture
    frames = 26 if suffix == "avi" else 25
    if suffix == "gif":
        return Right(frames=frames, flashes=(0.4,), warns=warns)
    return Right(frames=frames, slack=1, marks=(0.4 + late,), warns=warns)


CASES = (
    *(
        case(
            f"{second}-behind-{first}",
            f"{second.upper()} behind the end of {first.upper()}",
            written(f"film.{first}", lambda first=first, second=second: _film(first) + _film(second)),
            _alone(first, "FileAppended"),
            quick=(first, second) in (("mkv", "mp4"), ("mp4", "mkv"), ("mp4", "ts")),
        )
        for first, second in _PAIRS
    ),
    *(
        case(
            f"behind-{name}",
            f"{suffix.upper()} with what devices leave behind it: {name}",
            written(f"film.{suffix}", lambda suffix=suffix, behind=behind: _film(suffix) + behind),
            _alone(suffix, ""),
        )
        for name, (suffix, behind) in _TRAILERS.items()
    ),
    case(
        "behind-cut",
        "nine tenths of Matroska, and MP4 behind them",
        written("film.mkv", lambda: _film("mkv")[: len(_film("mkv")) * 9 // 10] + _film("mp4")),
        Right(slack=4, frames=22, marks=(0.4,), truncated=True, warns="FileAppended"),
    ),
    case(
        "behind-cut-mp4",
        "nine tenths of MP4 with its index in front, and Matroska behind it",
        written("film.mp4", lambda: _faststart()[: len(_faststart()) * 9 // 10] + _film("mkv")),
        Right(frames=25, marks=(0.4,), truncated=True, warns="FileAppended"),
    ),
    case(
        "behind-two",
        "Matroska, Matroska and MP4, one behind the other",
        written("film.mkv", lambda: _film("mkv") * 2 + _film("mp4")),
        Right(frames=50, slack=1, marks=(0.4, 1.44), warns="FileAppended"),
    ),
    case(
        "behind-many",
        "MP4 with 3 000 headers of other kinds behind it",
        written("film.mp4", lambda: _film("mp4") + (b"FLV\1\5\0\0\0\x09\0\0\0\0" + _film("ogg")[:58]) * 3_000),
        Right(frames=25, marks=(0.4,), warns="FileAppended"),
    ),
    case(
        "attached",
        "Matroska with an MP4 as its attachment",
        written("film.mkv", lambda: _attached(_film("mp4"))),
        Right(frames=25, marks=(0.4,), warns=""),
    ),
    case(
        "front-zip",
        "a film behind an archive's first bytes",
        written("film.mp4", lambda: b"PK\3\4" + bytes(100) + _film("mp4")),
        REFUSED,
    ),
)

KIND = Kind(
    "Files of two kinds, one behind the other",
    "The first film comes out, and a warning names the second. Trailers of cameras are silent.",
    CASES,
)
