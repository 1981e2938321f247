"""Recordings that are appended: the clock starts again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import (
    AAC,
    AC3,
    AV1,
    FLAC,
    FLV1,
    H264,
    MJPEG,
    MP2,
    MP3,
    MPEG2,
    MPEG4,
    OPUS,
    THEORA,
    VORBIS,
    VP8,
    VP9,
    Film,
    after,
    appended,
    joined,
    record,
    spoken,
)
from tests.corpus.kinds.common import FRAGMENTS, GARDEN, LONG, SHORT, THREE, TRAIN, TWO, whole
from tests.corpus.streams import stepping

FFV1 = ("-c:v", "ffv1", "-g", "1", "-pix_fmt", "yuv420p")
Encoder = Sequence[str] | None


def _case(
    id: str,
    what: str,
    suffix: str,
    films: Sequence[Film],
    video: Encoder,
    audio: Encoder,
    *options: str,
    quick: bool = False,
    **more: Any,
) -> Case:
    """Recordings with one encoder, appended."""
    return Case(f"clock-{id}", what, joined(suffix, films, video, audio, *options), whole(*films, **more), quick)


def _parts(suffix: str, *parts: tuple[Film, Encoder, Encoder, Sequence[str]]) -> Callable[[Path], Path]:
    """A recipe: recordings with encoders and options of their own, appended."""

    def make(folder: Path) -> Path:
        files = [
            record(folder / f"{n}.{suffix}", film, video, audio, *options)
            for n, (film, video, audio, options) in enumerate(parts)
        ]
        return appended(folder / f"film.{suffix}", *files)

    return make


LATER = ("-output_ts_offset", "3600")
NEAR_WRAP = ("-output_ts_offset", "95441.5")  # the 33-bit clock of 90 kHz starts again at 95 443.7 s
LONG_SOUND = after((Film(sound_seconds=4.7), SHORT))
SHORT_SOUND = after((Film(sound_seconds=3.4), SHORT))
SILENT = Film(seconds=2.4, flashes=(0.4, 1.32), beeps=(), sound_seconds=0, first=100)
BLIND = Film(seconds=0, flashes=(), beeps=(0.4, 1.32), sound_seconds=2.4, first=100)

APPENDED = (
    _case("webm-vp8-opus", "two browser recordings, VP8 and Opus", "webm", TWO, VP8, OPUS, quick=True),
    _case("webm-vp9-opus", "two browser recordings, VP9 and Opus", "webm", TWO, VP9, OPUS),
    _case("webm-vp9-vorbis", "two WebM files, VP9 and Vorbis", "webm", TWO, VP9, VORBIS),
    _case("webm-av1-opus", "two browser recordings, AV1 and Opus", "webm", TWO, AV1, OPUS),
    _case("webm-live", "two browser recordings of unknown length", "webm", TWO, VP8, OPUS, "-live", "1"),
    _case("mkv-h264-aac", "two OBS recordings, H.264 and AAC", "mkv", TWO, H264, AAC),
    _case("mkv-h264-flac", "two Matroska files, H.264 and FLAC", "mkv", TWO, H264, FLAC),
    _case("mkv-ffv1-flac", "two Matroska files, FFV1 and FLAC", "mkv", TWO, FFV1, FLAC),
    _case("mkv-three", "three Matroska files", "mkv", THREE, H264, AAC),
    _case("flv-sorenson-mp3", "two Flash recordings", "flv", TWO, FLV1, MP3),
    _case("flv-h264-aac", "two stream recordings, H.264 and AAC", "flv", TWO, H264, AAC, quick=True),
    _case("flv-three", "three stream recordings", "flv", THREE, H264, AAC),
    _case(
        "ogv-theora-vorbis",
        "chained Ogg, Theora and Vorbis",
        "ogv",
        TWO,
        THEORA,
        VORBIS,
        or_error=("InvalidMediaTruncated", "InvalidMediaDamaged", "InvalidMediaUnreadable"),
    ),
    _case("fmp4", "two fragmented MP4 files", "mp4", TWO, H264, AAC, *FRAGMENTS, quick=True),
    _case("fmp4-three", "three fragmented MP4 files", "mp4", THREE, H264, AAC, *FRAGMENTS),
    _case("ps-mpeg2-mp2", "two MPEG program streams, MP2", "mpg", TWO, MPEG2, MP2),
    _case("ps-mpeg2-ac3", "two DVD recordings, AC-3", "vob", TWO, MPEG2, AC3),
    _case("ps-three", "three MPEG program streams", "mpg", THREE, MPEG2, MP2),
    _case("ts-h264-aac", "two transport streams, H.264 and AAC", "ts", TWO, H264, AAC, quick=True),
    _case("ts-mpeg2-mp2", "two television recordings, MPEG-2 and MP2", "ts", TWO, MPEG2, MP2),
    _case("ts-mpeg2-ac3", "two television recordings, MPEG-2 and AC-3", "ts", TWO, MPEG2, AC3),
    _case("ts-three", "three transport streams", "ts", THREE, H264, AAC),
    _case("m2ts", "two camcorder files (M2TS)", "m2ts", TWO, H264, AC3),
    _case("avi", "two AVI files", "avi", TWO, MPEG4, MP3, slack=3),
    _case(
        "mjpeg",
        "two raw MJPEG files",
        "mjpeg",
        TWO,
        MJPEG,
        None,
        sound=False,
        marks=(),
        flashes=(0.52, 1.72, 3.2, 4.4, 5.32),
    ),
    _case(
        "h264",
        "two raw H.264 files",
        "h264",
        TWO,
        H264,
        None,
        sound=False,
        marks=(),
        flashes=(0.52, 1.72, 3.2, 4.4, 5.32),
    ),
)


def _raw_aac(*parts: tuple[str, int]) -> Callable[[Path], Path]:
    """A recipe: sentences, each at its rate, appended as raw AAC. Each part lasts 4.5 s."""

    def make(folder: Path) -> Path:
        files = [
            record(folder / f"{n}.aac", None, None, (*AAC, "-ar", str(rate)), samples=spoken({0.4: text}, 4.5))
            for n, (text, rate) in enumerate(parts)
        ]
        return appended(folder / "sound.aac", *files)

    return make


RATES = (
    Case(
        "clock-aac-rates",
        "raw AAC, the second recording at half of the rate",
        _raw_aac((GARDEN, 44_100), (TRAIN, 22_050)),
        Right(video=False, said={0.4: GARDEN, 4.9: TRAIN}, warns=""),
    ),
)

UNEQUAL = tuple(
    _case(
        f"{name}-{id}",
        f"two {what}, the sound of the first {by}",
        suffix,
        films,
        video,
        audio,
        *options,
        quick=id == "long-sound" and suffix == "ts",
        slack=3,
    )
    for name, what, suffix, video, audio, options in (
        ("ts", "transport streams", "ts", H264, AAC, ()),
        ("mkv", "Matroska files", "mkv", H264, AAC, ()),
        ("webm", "WebM files", "webm", VP8, OPUS, ()),
        ("flv", "FLV files", "flv", H264, AAC, ()),
        ("ps", "program streams", "mpg", MPEG2, MP2, ()),
        ("fmp4", "fragmented MP4 files", "mp4", H264, AAC, FRAGMENTS),
    )
    for id, by, films in (("long-sound", "0.7 s longer", LONG_SOUND), ("short-sound", "0.6 s shorter", SHORT_SOUND))
)

LACKING = (
    Case(
        "clock-ts-then-silent",
        "transport streams, the second without sound",
        _parts("ts", (Film(), H264, AAC, ()), (SILENT, H264, None, ())),
        whole(Film(), SILENT),
    ),
    Case(
        "clock-flv-then-silent",
        "FLV files, the second without sound",
        _parts("flv", (Film(), H264, AAC, ()), (SILENT, H264, None, ())),
        whole(Film(), SILENT),
    ),
    Case(
        "clock-mkv-then-silent",
        "Matroska files, the second without sound",
        _parts("mkv", (Film(), H264, AAC, ()), (SILENT, H264, None, ())),
        whole(Film(), SILENT),
    ),
    Case(
        "clock-flv-then-blind",
        "FLV files, the second without picture",
        _parts("flv", (Film(), H264, AAC, ()), (BLIND, None, AAC, ())),
        whole(Film(), BLIND, slack=2),
    ),
    Case(
        "clock-ps-then-blind",
        "program streams, the second without picture",
        _parts("mpg", (Film(), MPEG2, MP2, ()), (BLIND, None, MP2, ())),
        whole(Film(), BLIND, slack=2),
    ),
)

STEPS = (
    Case(
        "clock-ts-hour-on",
        "transport streams, the second begins an hour later",
        _parts("ts", (TWO[0], H264, AAC, ()), (TWO[1], H264, AAC, LATER)),
        whole(*TWO),
        quick=True,
    ),
    Case(
        "clock-ts-hour-back",
        "transport streams, the second begins an hour earlier",
        _parts("ts", (TWO[0], H264, AAC, LATER), (TWO[1], H264, AAC, ())),
        whole(*TWO),
    ),
    Case(
        "clock-ps-hour-on",
        "program streams, the second begins an hour later",
        _parts("mpg", (TWO[0], MPEG2, MP2, ()), (TWO[1], MPEG2, MP2, LATER)),
        whole(*TWO),
    ),
    Case(
        "clock-ps-hour-back",
        "program streams, the second begins an hour earlier",
        _parts("mpg", (TWO[0], MPEG2, MP2, LATER), (TWO[1], MPEG2, MP2, ())),
        whole(*TWO),
    ),
    Case(
        "clock-flv-hour-on",
        "FLV files, the second begins an hour later",
        _parts("flv", (TWO[0], H264, AAC, ()), (TWO[1], H264, AAC, LATER)),
        whole(*TWO),
    ),
    Case(
        "clock-mkv-minutes-on",
        "a Matroska file whose clock steps forward by two minutes",
        stepping("mkv", LONG, 4, 120),
        whole(LONG, slack=1),
    ),
    Case(
        "clock-ts-hour-inside",
        "a transport stream whose clock steps forward by an hour",
        stepping("ts", LONG, 4, 3600),
        whole(LONG, slack=1),
    ),
    Case(
        "clock-ts-wrap",
        "a transport stream whose 33-bit clock ends in the middle",
        _parts("ts", (LONG, H264, AAC, NEAR_WRAP)),
        whole(LONG),
        quick=True,
    ),
    Case(
        "clock-ts-wrap-mpeg2",
        "a television recording whose 33-bit clock ends in the middle",
        _parts("ts", (LONG, MPEG2, MP2, NEAR_WRAP)),
        whole(LONG),
    ),
    Case(
        "clock-ps-wrap",
        "a program stream whose 33-bit clock ends in the middle",
        _parts("mpg", (LONG, MPEG2, MP2, NEAR_WRAP)),
        whole(LONG),
    ),
    Case(
        "clock-ts-far-start",
        "a transport stream whose clock begins at 20 hours",
        _parts("ts", (LONG, H264, AAC, ("-output_ts_offset", "72000"))),
        whole(LONG),
    ),
)

KIND = Kind(
    "Recordings appended, clocks that start again or step",
    "Each picture and each sound comes out, in order; beeps stay within 0.05 s of their flashes after each joint.",
    (*APPENDED, *RATES, *UNEQUAL, *LACKING, *STEPS),
)
