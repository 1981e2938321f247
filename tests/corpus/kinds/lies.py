"""Small files that would cost hours of work, and files that are no film."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, FLAC, H264, MJPEG, Film, ffmpeg, record
from tests.corpus.streams import stepping

INTRA = (*H264, "-g", "1")
NO_FILM = ("InvalidMediaUnreadable", "InvalidMediaNoStreams", "InvalidMediaTruncated", "InvalidMediaDamaged")
TOO_MUCH = (
    "InvalidMediaFrameRate",
    "InvalidMediaTooLong",
    "InvalidMediaTooLarge",
    "InvalidMediaDamaged",
    "InvalidMediaUnreadable",
)
#: pictures that are far apart come out as a few frames, or not at all: never as hours of one picture
FEW = Right(frames=3, slack=60, or_error=TOO_MUCH)


def _written(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def _fast(suffix: str, rate: int, *options: str) -> Callable[[Path], Path]:
    """A recipe: 50 pictures at an impossible rate."""

    def make(folder: Path) -> Path:
        target = folder / f"film.{suffix}"
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x64:r={rate}", "-frames:v", "50", *MJPEG, *options, target)
        return target

    return make


def _rate_patched(folder: Path) -> Path:
    """50 pictures in an AVI whose stream header has another scale and rate (AVI RIFF File Reference, "strh")."""
    path = _fast("avi", 25)(folder)
    data = path.read_bytes()
    place = data.index(b"vids") + 20
    path.write_bytes(data[:place] + struct.pack("<II", 1, 1_000_000) + data[place + 8 :])
    return path


def _hours(suffix: str, by: float, rate: int = 25) -> Callable[[Path], Path]:
    """A recipe: three pictures, the last two far behind the first."""
    film = Film(seconds=3 / rate, rate=str(rate), flashes=(), beeps=(), sound_seconds=0)
    return stepping(suffix, film, 1 / rate, by, streams="v", video=MJPEG, audio=FLAC, options=("-an",))


def _case(id: str, what: str, make: Callable[[Path], Path], right: Right, quick: bool = False) -> Case:
    return Case(f"lie-{id}", what, make, right, quick)


def _named(*names: str) -> Right:
    return Right(errors=names)


LIES = (
    _case(
        "140000",
        "QuickTime, 140 000 frames/s",
        _fast("mov", 140_000, "-video_track_timescale", "140000"),
        _named(*TOO_MUCH),
        quick=True,
    ),
    _case("50000", "MP4, 50 000 frames/s", _fast("mp4", 50_000, "-video_track_timescale", "50000"), _named(*TOO_MUCH)),
    _case(
        "avi-1000000",
        "AVI, header announces 1 000 000 frames/s",
        _rate_patched,
        Right(frames=50, or_error=TOO_MUCH),
    ),
    _case("hour-mov", "QuickTime, three pictures an hour apart", _hours("mov", 3600), FEW, quick=True),
    _case("hour-mkv", "Matroska, three pictures an hour apart", _hours("mkv", 3600), FEW),
    _case("hour-mp4", "MP4, three pictures five hours apart", _hours("mp4", 18_000), FEW),
    _case("day-mkv", "Matroska, three pictures a day apart", _hours("mkv", 86_400), FEW),
)

EBML = bytes.fromhex("1a45dfa301fffffffffffffe") + bytes(64)


def _header_only(folder: Path) -> Path:
    path = record(folder / "sound.wav", Film(), None, ("-c:a", "pcm_s16le"))
    path.write_bytes(path.read_bytes()[:44])
    return path


def _picture(folder: Path) -> Path:
    path = folder / "film.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", path)
    return path


FILES = (
    _case(
        "ebml",
        "76 bytes of EBML that announce more than any file has",
        _written("film.mkv", EBML),
        _named("InvalidMediaUnreadable"),
        quick=True,
    ),
    _case(
        "ebml-segment",
        "Matroska whose first element points beyond any file",
        _written(
            "film.mkv",
            bytes.fromhex("1a45dfa38842868101428281") + bytes.fromhex("1853806701fffffffffffffe") + bytes(40),
        ),
        _named(*NO_FILM),
    ),
    _case("empty", "an empty file", _written("film.mp4", b""), _named("InvalidMediaEmpty")),
    _case("one-byte", "one byte", _written("film.mp4", b"\0"), _named(*NO_FILM)),
    _case("zeros", "zeros only", _written("film.mkv", bytes(100_000)), _named(*NO_FILM)),
    _case("text", "a text file", _written("film.mp4", b"This is no film.\n" * 100), _named(*NO_FILM), quick=True),
    _case(
        "playlist",
        "a playlist",
        _written("film.mp4", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"),
        _named("InvalidMediaPlaylist"),
    ),
    _case("zip", "an archive", _written("film.mkv", b"PK\3\4" + bytes(range(256)) * 40), _named(*NO_FILM)),
    _case(
        "ftyp-only",
        "MP4 that ends after its first box",
        _written("film.mp4", struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512)),
        _named(*NO_FILM),
    ),
    _case(
        "box-huge",
        "MP4 whose first box is 2^63 bytes long",
        _written("film.mp4", struct.pack(">I4sQ", 1, b"ftyp", 2**63 - 1) + bytes(60)),
        _named(*NO_FILM),
    ),
    _case(
        "riff-only",
        "AVI that ends after its header",
        _written("film.avi", b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"AVI LIST" + bytes(16)),
        _named(*NO_FILM),
    ),
    _case("wav-header", "WAV without a sample", _header_only, _named(*NO_FILM)),
    _case("picture", "a PNG picture", _picture, _named(*NO_FILM)),
    _case(
        "wrong-suffix",
        "Matroska named .mp4",
        lambda folder: record(folder / "film.mkv", Film(), INTRA, AAC).rename(folder / "film.mp4"),
        Right(frames=100, seconds=4, pictures=range(100), marks=Film().beeps),
    ),
)


KIND = Kind(
    "Lies and files that are no film",
    "A named error in the FFmpeg step, before any other step has cost anything.",
    (*LIES, *FILES),
)
