"""Sound and picture that begin or end at different times, and pictures that are shown for long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.corpus.boxes import edit_list
from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import (
    AAC,
    H264,
    MJPEG,
    MP2,
    MP3,
    MPEG2,
    OPUS,
    PCM,
    VORBIS,
    VP8,
    Film,
    ffmpeg,
    record,
)
from tests.corpus.kinds.common import GARDEN, LONG, TRAIN, whole
from tests.corpus.streams import apart, remade

#: sound that begins with a beep and ends with one
TALK = Film(seconds=4, beeps=(0.1, 1.72, 3.2, 3.88))


def _late_picture(
    id: str,
    what: str,
    suffix: str,
    video: Sequence[str] = H264,
    audio: Sequence[str] = AAC,
    by: float = 3.48,
    quick: bool = False,
    **more: Any,
) -> Case:
    film = replace(TALK, flashes=(0.52, 1.72), seconds=4, sound_seconds=4 + by, beeps=(0.1, 1.0, 0.52 + by, 1.72 + by))
    right = Right(
        **{
            "frames": round((4 + by) * 25),
            "slack": 1,
            "seconds": 4 + by,
            "pictures": range(100),
            "warns": "",
            "marks": (0.52 + by, 1.72 + by),
            "beeps": (0.1, 1.0),
            **more,
        }
    )
    make = apart(suffix, film, picture_late=by, video=video, audio=audio)
    return Case(f"end-late-picture-{id}", f"{what}: picture {by:g} s after the sound", make, right, quick)


def _late_sound(
    id: str,
    what: str,
    suffix: str,
    video: Sequence[str] = H264,
    audio: Sequence[str] = AAC,
    by: float = 1.6,
    quick: bool = False,
    film: Film = LONG,
) -> Case:
    at = tuple(round(mark - by, 4) for mark in film.beeps if mark > by)
    late = replace(film, beeps=at, sound_seconds=film.seconds - by)
    right = whole(replace(film, beeps=tuple(round(beep + by, 4) for beep in at)), slack=1)
    return Case(
        f"end-late-sound-{id}",
        f"{what}: sound {by:g} s after the picture",
        apart(suffix, late, sound_late=by, video=video, audio=audio),
        right,
        quick,
    )


def _long_sound(
    id: str, what: str, suffix: str, video: Sequence[str] = H264, audio: Sequence[str] = AAC, quick: bool = False
) -> Case:
    film = Film(sound_seconds=9, beeps=(0.52, 1.72, 3.2, 6.6, 8.7))
    right = whole(film, frames=225, slack=2)
    return Case(
        f"end-long-sound-{id}",
        f"{what}: sound goes on for 5 s after the picture",
        _recorded(suffix, film, video, audio),
        right,
        quick,
    )


def _short_sound(id: str, what: str, suffix: str, video: Sequence[str] = H264, audio: Sequence[str] = AAC) -> Case:
    film = replace(LONG, sound_seconds=3.4, beeps=LONG.beeps[:3])
    return Case(
        f"end-short-sound-{id}",
        f"{what}: sound ends after 3.4 of 8 s",
        _recorded(suffix, film, video, audio),
        whole(film),
    )


def _recorded(
    suffix: str, film: Film, video: Sequence[str] | None, audio: Sequence[str] | None, *options: str
) -> Callable[[Path], Path]:
    return lambda folder: record(folder / f"film.{suffix}", film, video, audio, *options)


def _last_held(suffix: str, *options: str) -> Callable[[Path], Path]:
    """A recipe: 1 s of 25 frames/s, of which the last is shown for 4 s more."""

    def make(folder: Path) -> Path:
        whole_film = record(folder / "whole.nut", Film(seconds=1, flashes=(0.52,)), (*H264, "-g", "1"), None)
        held = "setts=duration='if(eq(N,24),4.04/TB,DURATION)'"
        return remade(whole_film, folder / f"film.{suffix}", "-bsf:v", held, *options)

    return make


def _delays(suffix: str, delays: Sequence[float], *encoder: str) -> Callable[[Path], Path]:
    """A recipe: an animation whose pictures are shown for these seconds."""

    def make(folder: Path) -> Path:
        source = record(folder / "whole.nut", Film(seconds=len(delays) / 25, flashes=()), ("-c:v", "ffv1"), None)
        begins = [sum(delays[:n]) for n in range(len(delays))]
        at = "".join(f"if(eq(N,{n}),{begin}/TB," for n, begin in enumerate(begins)) + "0" + ")" * len(delays)
        target = folder / f"film.{suffix}"
        ffmpeg(
            "-i",
            source,
            "-vf",
            f"settb=1/1000,setpts='{at}'",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1/1000",
            *encoder,
            target,
        )
        source.unlink()
        return target

    return make


def _gif_with_last_delay(folder: Path) -> Path:
    """25 pictures of 0.04 s; the delay of the last is 2.5 s (GIF89a, Graphic Control Extension)."""
    return record(folder / "film.gif", Film(seconds=1, flashes=()), ("-c:v", "gif"), None, "-final_delay", "250")


def _cut_by_edit_list(
    edits: Sequence[tuple[float, float]], suffix: str = "mp4", audio: Sequence[str] = AAC
) -> Callable[[Path], Path]:
    """A recipe: an MP4 or QuickTime file whose edit lists show only these (start, end) seconds of both streams."""

    def make(folder: Path) -> Path:
        source = record(folder / f"whole.{suffix}", LONG, (*H264, "-g", "1", "-bf", "0"), audio)
        target = folder / f"film.{suffix}"
        target.write_bytes(edit_list(source.read_bytes(), edits))
        source.unlink()
        return target

    return make


LATE = (
    _late_picture("mp4", "MP4 with an edit list", "mp4", quick=True),
    _late_picture("mov", "QuickTime with an edit list", "mov", audio=PCM),
    _late_picture("mkv", "Matroska", "mkv"),
    _late_picture("webm", "WebM", "webm", VP8, OPUS),
    _late_picture("ts", "transport stream", "ts"),
    _late_picture("ps", "program stream", "mpg", MPEG2, MP2),
    _late_picture("flv", "FLV", "flv"),
    _late_picture("12", "MP4 with an edit list", "mp4", by=12.0),
    _late_picture("little", "MP4 with an edit list", "mp4", by=0.28, marks=(0.8, 2.0), beeps=(0.1, 1.0)),
    _late_sound("mp4", "MP4 with an edit list", "mp4", quick=True),
    _late_sound("mov", "QuickTime with an edit list", "mov", audio=PCM),
    _late_sound("mkv", "Matroska", "mkv"),
    _late_sound("webm", "WebM", "webm", VP8, VORBIS),
    _late_sound("ts", "transport stream", "ts"),
    _late_sound("ps", "program stream", "mpg", MPEG2, MP2),
    _late_sound("flv", "FLV", "flv", audio=MP3),
    _late_sound("flv-9", "FLV", "flv", by=9.0, film=Film(seconds=12, flashes=(0.52, 9.52, 11.4), beeps=(9.52, 11.4))),
    _late_sound(
        "mkv-9", "Matroska", "mkv", by=9.0, film=Film(seconds=12, flashes=(0.52, 9.52, 11.4), beeps=(9.52, 11.4))
    ),
    _late_sound(
        "ts-9", "transport stream", "ts", by=9.0, film=Film(seconds=12, flashes=(0.52, 9.52, 11.4), beeps=(9.52, 11.4))
    ),
)

SPOKEN_FIRST = Film(seconds=4, sound_seconds=9, flashes=(), beeps=(), said={0.2: GARDEN, 5.2: TRAIN})
WORDS = (
    Case(
        "end-words-before-picture",
        "MP4: two sentences, the first before the first picture",
        apart("mp4", SPOKEN_FIRST, picture_late=4.6),
        Right(seconds=9, seconds_within=0.2, pictures=range(100), said=SPOKEN_FIRST.said),
        quick=True,
    ),
    Case(
        "end-words-after-picture",
        "Matroska: two sentences, the second after the last picture",
        _recorded("mkv", SPOKEN_FIRST, H264, AAC),
        Right(seconds=9, seconds_within=0.2, pictures=range(100), said=SPOKEN_FIRST.said),
    ),
    Case(
        "end-words-late",
        "MP4: sound 2 s after the picture",
        apart("mp4", replace(SPOKEN_FIRST, seconds=11), sound_late=2.0),
        Right(seconds=11, seconds_within=0.2, pictures=range(275), said={2.2: GARDEN, 7.2: TRAIN}),
    ),
)

TAILS = (
    _long_sound("mp4", "MP4", "mp4", quick=True),
    _long_sound("mkv", "Matroska", "mkv"),
    _long_sound("webm", "WebM", "webm", VP8, OPUS),
    _long_sound("ts", "transport stream", "ts"),
    _long_sound("ps", "program stream", "mpg", MPEG2, MP2),
    _long_sound("flv", "FLV", "flv"),
    _long_sound("avi", "AVI", "avi", MJPEG, PCM),
    _short_sound("mp4", "MP4", "mp4"),
    _short_sound("mkv", "Matroska", "mkv"),
    _short_sound("ts", "transport stream", "ts"),
    _short_sound("avi", "AVI", "avi", MJPEG, PCM),
    Case(
        "end-one-picture",
        "Matroska: one picture with 8 s of sound",
        _recorded("mkv", Film(seconds=0.04, sound_seconds=8, flashes=(), beeps=LONG.beeps), H264, AAC),
        Right(seconds=8, pictures=(0,), beeps=LONG.beeps),
    ),
    Case(
        "end-one-picture-mp4",
        "MP4: one picture with 8 s of sound",
        _recorded("mp4", Film(seconds=0.04, sound_seconds=8, flashes=(), beeps=LONG.beeps), H264, AAC),
        Right(seconds=8, pictures=(0,), beeps=LONG.beeps),
    ),
)

HELD = (
    Case(
        "end-last-held-mp4",
        "MP4: the last picture is shown for 4 s",
        _last_held("mp4"),
        Right(seconds=5, pictures=range(25), sound=False, flashes=(0.52,)),
        quick=True,
    ),
    Case(
        "end-last-held-mov",
        "QuickTime: the last picture is shown for 4 s",
        _last_held("mov"),
        Right(seconds=5, pictures=range(25), sound=False, flashes=(0.52,)),
    ),
    Case(
        "end-last-held-mkv",
        "Matroska: the last picture is shown for 4 s",
        _last_held("mkv"),
        Right(seconds=5, pictures=range(25), sound=False, flashes=(0.52,)),
    ),
    Case(
        "end-last-held-fmp4",
        "fragmented MP4: the last picture is shown for 4 s",
        _last_held("mp4", "-movflags", "frag_keyframe+empty_moov"),
        Right(seconds=5, pictures=range(25), sound=False, flashes=(0.52,)),
    ),
    Case(
        "end-gif-last",
        "GIF: the last picture is shown for 2.5 s",
        _gif_with_last_delay,
        Right(seconds=3.46, pictures=range(25), sound=False),
    ),
    Case(
        "end-gif-delays",
        "GIF: pictures of 0.1, 0.5, 0.1, 1 and 0.1 s",
        _delays("gif", (0.1, 0.5, 0.1, 1.0, 0.1), "-c:v", "gif", "-final_delay", "10"),
        Right(seconds=1.8, pictures=range(5), sound=False),
    ),
    Case(
        "end-apng-delays",
        "animated PNG: pictures of 0.1, 0.5, 0.04, 1 and 0.1 s",
        _delays("apng", (0.1, 0.5, 0.04, 1.0, 0.1), "-c:v", "apng", "-final_delay", "1/10"),
        Right(seconds=1.74, pictures=range(5), sound=False, or_error=("InvalidMediaUnreadable",)),
    ),
)

EDITED = (
    Case(
        "end-edit-start",
        "MP4: the edit list leaves out the first 1.2 s",
        _cut_by_edit_list([(1.2, 8.0)]),
        Right(frames=170, slack=1, seconds=6.8, pictures=range(30, 200), marks=(0.52, 2.0, 4.2, 5.8)),
    ),
    Case(
        "end-edit-middle",
        "MP4: the edit list leaves out 1 s in the middle",
        _cut_by_edit_list([(0, 3.6), (4.6, 8)]),
        Right(
            frames=175, slack=1, seconds=7, pictures=(*range(90), *range(115, 200)), marks=(0.52, 1.72, 3.2, 4.4, 6.0)
        ),
        quick=True,
    ),
    Case(
        "end-edit-three",
        "QuickTime: the edit list leaves out two parts",
        _cut_by_edit_list([(0, 1.2), (2.4, 3.6), (4.8, 8)], "mov", PCM),
        Right(
            frames=140,
            slack=2,
            seconds=5.6,
            pictures=(*range(30), *range(60, 90), *range(120, 200)),
            marks=(0.52, 2.0, 3.0, 4.6),
        ),
    ),
    Case(
        "end-edit-end",
        "MP4: the edit list leaves out the last 2.4 s",
        _cut_by_edit_list([(0, 5.6)]),
        Right(frames=140, slack=1, seconds=5.6, pictures=range(140), marks=(0.52, 1.72, 3.2, 5.4)),
    ),
)

KIND = Kind(
    "Sound and picture that begin or end at different times",
    "No sound and no picture is lost: the first or last picture is held meanwhile, and its own duration counts.",
    (*LATE, *WORDS, *TAILS, *HELD, *EDITED),
)
