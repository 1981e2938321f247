"""Recordings that are appended: the clock starts again."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import (
    AAC,
    AC3,
    AV1,
    FLAC,
    FLV1,
    H264,
    MP2,
    MP3,
    MPEG2,
    OPUS,
    THEORA,
    VORBIS,
    VP8,
    VP9,
    Film,
    after,
    joined,
)

SHORT = Film(seconds=2.4, flashes=(0.4, 1.32), beeps=(0.4, 1.32))
TWO = after((Film(), SHORT))
THREE = after((SHORT, Film(), SHORT))
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")


def whole(films: Sequence[Film], **more: object) -> Right:
    """Everything of all films, one behind the other."""
    marks, begin = [], 0.0
    for film in films:
        marks += [round(begin + mark, 4) for mark in film.flashes if mark in film.beeps]
        begin += max(film.seconds, film.sound_seconds or 0)
    fields: dict[str, object] = {
        "frames": round(begin * 25),
        "slack": len(films) - 1,
        "rate": Fraction(25),
        "seconds": begin,
        "pictures": range(sum(film.frames for film in films)),
        "marks": marks,
        "warns": "",
    }
    return Right(**{**fields, **more})  # type: ignore[arg-type]


def _case(id: str, what: str, suffix: str, films: Sequence[Film], video: object, audio: object, *options: str,
          quick: bool = False, **more: object) -> Case:  # fmt: skip
    make = joined(suffix, films, video, audio, *options)  # type: ignore[arg-type]
    return Case(f"clock-{id}", what, make, whole(films, **more), quick)


CASES = (
    _case("webm-vp8-opus", "two browser recordings, VP8 and Opus", "webm", TWO, VP8, OPUS, quick=True),
    _case("webm-vp9-opus", "two browser recordings, VP9 and Opus", "webm", TWO, VP9, OPUS),
    _case("webm-vp9-vorbis", "two WebM files, VP9 and Vorbis", "webm", TWO, VP9, VORBIS),
    _case("webm-av1-opus", "two browser recordings, AV1 and Opus", "webm", TWO, AV1, OPUS),
    _case("mkv-h264-aac", "two OBS recordings, H.264 and AAC", "mkv", TWO, H264, AAC),
    _case("mkv-h264-flac", "two Matroska files, H.264 and FLAC", "mkv", TWO, H264, FLAC),
    _case("mkv-three", "three Matroska files", "mkv", THREE, H264, AAC),
    _case("flv-sorenson-mp3", "two Flash recordings", "flv", TWO, FLV1, MP3),
    _case("flv-h264-aac", "two stream recordings, H.264 and AAC", "flv", TWO, H264, AAC),
    _case("flv-three", "three stream recordings", "flv", THREE, H264, AAC),
    _case("ogv-theora-vorbis", "chained Ogg, Theora and Vorbis", "ogv", TWO, THEORA, VORBIS),
    _case("fmp4", "two fragmented MP4 files", "mp4", TWO, H264, AAC, *FRAGMENTS, quick=True),
    _case("fmp4-three", "three fragmented MP4 files", "mp4", THREE, H264, AAC, *FRAGMENTS),
    _case("ps-mpeg2-mp2", "two MPEG program streams, MP2", "mpg", TWO, MPEG2, MP2),
    _case("ps-mpeg2-ac3", "two DVD recordings, AC-3", "vob", TWO, MPEG2, AC3),
    _case("ts-h264-aac", "two transport streams, H.264 and AAC", "ts", TWO, H264, AAC, quick=True),
    _case("ts-mpeg2-mp2", "two television recordings, MPEG-2 and MP2", "ts", TWO, MPEG2, MP2),
    _case("ts-mpeg2-ac3", "two television recordings, MPEG-2 and AC-3", "ts", TWO, MPEG2, AC3),
    _case("ts-three", "three transport streams", "ts", THREE, H264, AAC),
)

KIND = Kind("Recordings appended", "Each picture and each sound comes out, in order and in sync.", CASES)
