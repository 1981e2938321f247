"""Files that were cut in the middle: recorders that crashed, transfers that broke off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, FLAC, H264, MJPEG, MP2, MP3, MPEG2, OPUS, PCM, VORBIS, VP8, Film, record, stereo
from tests.corpus.kinds.channels import SECONDS, speech
from tests.corpus.kinds.common import FRAGMENTS, GARDEN

#: constant bit rates, so that bytes stand for seconds
MARKS = tuple(round(0.52 + n * 1.2, 2) for n in range(10))
FILM = Film(seconds=12, flashes=MARKS, beeps=MARKS)


@dataclass(frozen=True)
class Container:
    """A container to cut, its encoders, and whether its header announces how long it is."""

    what: str
    suffix: str
    video: Sequence[str] = (*MJPEG, "-q:v", "6")
    audio: Sequence[str] = PCM
    options: Sequence[str] = ()
    announces: bool = True
    #: at which shares of its bytes it is cut
    shares: Sequence[int] = field(default=(30, 60, 90))


CONTAINERS = {
    "mkv": Container("Matroska (OBS)", "mkv"),
    "mkv-h264": Container("Matroska, H.264 and AAC", "mkv", (*H264, "-g", "5"), AAC, shares=(60,)),
    "mkv-live": Container("Matroska without a duration", "mkv", options=("-live", "1"), announces=False, shares=(60,)),
    "fmp4": Container("fragmented MP4", "mp4", (*H264, "-g", "5"), AAC, FRAGMENTS, announces=False),
    "mp4": Container("MP4 with its index in front", "mp4", (*H264, "-g", "5"), AAC, ("-movflags", "+faststart")),
    "mov": Container("QuickTime with its index in front", "mov", options=("-movflags", "+faststart"), shares=(60,)),
    "flv": Container("FLV", "flv", (*H264, "-g", "5"), AAC),
    "ts": Container("transport stream", "ts", (*H264, "-g", "5"), AAC, announces=False),
    "m2ts": Container("camcorder (M2TS)", "m2ts", (*H264, "-g", "5"), ("-c:a", "ac3"), announces=False, shares=(60,)),
    "ps": Container("program stream", "mpg", (*MPEG2, "-g", "5"), MP2, announces=False, shares=(60,)),
    "webm": Container("WebM", "webm", (*VP8, "-g", "5"), OPUS),
    "avi": Container("AVI (dashcam)", "avi"),
    "asf": Container(
        "Windows Media", "wmv", ("-c:v", "wmv2", "-b:v", "800k", "-g", "5"), ("-c:a", "wmav2"), shares=(60,)
    ),
    "mxf": Container("MXF", "mxf", (*MPEG2, "-g", "5"), PCM, announces=True, shares=(60,)),
}


def _cut(make: Callable[[Path], Path], share: float) -> Callable[[Path], Path]:
    """A recipe: the first `share` of the bytes of a file."""

    def cut(folder: Path) -> Path:
        path = make(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    return cut


def _film(name: str, share: int) -> Case:
    container = CONTAINERS[name]
    make = _cut(
        lambda folder: record(
            folder / f"film.{container.suffix}", FILM, container.video, container.audio, *container.options
        ),
        share / 100,
    )
    if container.announces and share < 50:
        right = Right(errors=("InvalidMediaTruncated",))
    elif container.announces:
        right = Right(as_decoded=True, anywhere=True, truncated=True, warns="truncat|cut|end|incomplete|announce")
    else:
        right = Right(as_decoded=True, anywhere=True)
    return Case(
        f"cut-{name}-{share}",
        f"{container.what}: the first {share} %",
        make,
        right,
        quick=(name, share) in (("mkv", 60), ("fmp4", 60), ("avi", 30)),
    )


def _sound(suffix: str, what: str, share: int, *encoder: str, announces: bool = True, quick: bool = False) -> Case:
    def whole(folder: Path) -> Path:
        return record(folder / f"sound.{suffix}", Film(), None, encoder, samples=stereo(speech()))

    right = Right(video=False, said={0.4: GARDEN}, truncated=True if announces else None)
    if announces and share < 50:
        right = Right(errors=("InvalidMediaTruncated",))
    return Case(f"cut-{suffix}-{share}", f"{what}: the first {share} %", _cut(whole, share / 100), right, quick)


assert SECONDS == 9.0  # the first sentence ends at 4.2 s, the second begins at 5 s: half is 4.5 s
SOUNDS = (
    _sound("wav", "WAV", 30, *PCM),
    _sound("wav", "WAV", 52, *PCM, quick=True),
    _sound("aiff", "AIFF", 52, "-c:a", "pcm_s16be"),
    _sound("flac", "FLAC", 55, *FLAC),
    _sound("ogg", "Ogg Vorbis", 55, *VORBIS, announces=False),
    _sound("opus", "Ogg Opus", 55, *OPUS, announces=False),
    _sound("mp3", "MP3", 52, *MP3),
    _sound("m4a", "M4A with its index in front", 62, *AAC, "-movflags", "+faststart"),
    _sound("aac", "AAC", 55, *AAC, announces=False),
    _sound("w64", "W64", 52, *PCM),
    _sound("caf", "CAF", 52, *PCM),
    _sound("au", "AU", 52, "-c:a", "pcm_s16be"),
)

STRICT = tuple(
    Case(
        f"cut-{name}-90-strict",
        f"{CONTAINERS[name].what}: the first 90 %, with OnTruncated=fail",
        _film(name, 90).make,
        Right(errors=("InvalidMediaTruncated",)),
        environ={"ON_TRUNCATED": "fail"},
    )
    for name in ("mkv", "avi", "mp4")
)

NO_INDEX = (
    Case(
        "cut-mp4-no-index",
        "MP4 whose index at the end is missing",
        _cut(lambda folder: record(folder / "film.mp4", FILM), 0.8),
        Right(errors=("InvalidMediaTruncated", "InvalidMediaUnreadable")),
        quick=True,
    ),
)

KIND = Kind(
    "Files cut in the middle",
    "What is there is processed as far as it goes, with `truncated: true`; less than half of what the header announces "
    "is `InvalidMediaTruncated`, and so is every cut with OnTruncated=fail.",
    (
        *(_film(name, share) for name, container in CONTAINERS.items() for share in container.shares),
        *SOUNDS,
        *STRICT,
        *NO_INDEX,
    ),
)
