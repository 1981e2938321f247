"""Gaps in one stream or in both: one clock for sound and picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import AAC, H264, MP2, MPEG2, OPUS, VP8, Film
from tests.corpus.kinds.common import FRAGMENTS, LONG, outside, whole
from tests.corpus.streams import stepping, without

Gap = tuple[float, float]


@dataclass(frozen=True)
class Container:
    """A container, and encoders that it takes. Every frame decodes by itself."""

    name: str
    suffix: str
    video: Sequence[str] = (*H264, "-g", "1")
    audio: Sequence[str] = AAC
    options: Sequence[str] = ()


TS = Container("transport stream", "ts")
PS = Container("program stream", "mpg", (*MPEG2, "-g", "1"), MP2)
FLV = Container("FLV file", "flv")
MKV = Container("Matroska file", "mkv")
WEBM = Container("WebM file", "webm", (*VP8, "-g", "1"), OPUS)
MP4 = Container("MP4 file", "mp4")
FMP4 = Container("fragmented MP4 file", "mp4", options=FRAGMENTS)
CONTAINERS = {"ts": TS, "ps": PS, "flv": FLV, "mkv": MKV, "webm": WEBM, "mp4": MP4, "fmp4": FMP4}
#: in these containers a packet has no time of its own end, so the last picture before a gap is held
LASTING = 12.0


def lacking(film: Film, sound: Sequence[Gap] = (), picture: Sequence[Gap] = (), **more: Any) -> Right:
    """A film that plays on through its gaps: silence in the sound, a held picture."""
    kept = replace(film, flashes=outside(film.flashes, *picture), beeps=outside(film.beeps, *sound))
    rate = float(film.rate)
    shown = [n for n in range(film.frames) if n / rate in outside([n / rate], *picture)]
    return whole(kept, **{"pictures": shown, "slack": 1, **more})


def _case(
    id: str,
    what: str,
    container: str,
    film: Film,
    *,
    sound: Sequence[Gap] = (),
    picture: Sequence[Gap] = (),
    quick: bool = False,
    **more: Any,
) -> Case:
    where = CONTAINERS[container]
    make = without(
        where.suffix, film, sound=sound, picture=picture, video=where.video, audio=where.audio, options=where.options
    )
    if picture and container == "ps":  # only some of its pictures have a time, so another one may be cut out
        more |= {"pictures": None, "as_decoded": True}
    right = lacking(film, sound, picture, **more)
    return Case(f"gap-{container}-{id}", f"{where.name}: {what}", make, right, quick)


def _slow(seconds: float, *marks: float) -> Film:
    """A long film of few frames a second. Its flashes fall on its frames."""
    return Film(seconds=seconds, rate="10", flashes=marks, beeps=marks)


IN_ONE = tuple(
    case
    for name in CONTAINERS
    for case in (
        _case("sound", "1.2 s of sound missing", name, LONG, sound=[(3.6, 4.8)], quick=name in ("ts", "mp4")),
        _case("picture", "1.2 s of picture missing", name, LONG, picture=[(3.6, 4.8)], quick=name == "mkv"),
    )
)

MINUTE = _slow(75, 0.5, 2.3, 20.1, 63.4, 66.2, 73.5)
QUARTER = _slow(24, 0.5, 2.3, 9.1, 19.4, 21.2, 23.5)
LENGTHS = (
    _case("sound-short", "0.2 s of sound missing twice", "ts", LONG, sound=[(2.0, 2.2), (6.0, 6.2)]),
    _case("picture-short", "0.2 s of picture missing twice", "ts", LONG, picture=[(2.0, 2.2), (6.0, 6.2)]),
    _case("sound-15", "15 s of sound missing", "ts", QUARTER, sound=[(3.0, 18.0)], quick=True),
    _case("picture-15", "15 s of picture missing", "ts", QUARTER, picture=[(3.0, 18.0)]),
    _case("sound-15", "15 s of sound missing", "mkv", QUARTER, sound=[(3.0, 18.0)]),
    _case("picture-15", "15 s of picture missing", "mkv", QUARTER, picture=[(3.0, 18.0)]),
    _case("sound-15", "15 s of sound missing", "flv", QUARTER, sound=[(3.0, 18.0)]),
    _case("picture-15", "15 s of picture missing", "flv", QUARTER, picture=[(3.0, 18.0)]),
    _case("sound-15", "15 s of sound missing", "ps", replace(QUARTER, rate="25"), sound=[(3.0, 18.0)]),
    _case("picture-15", "15 s of picture missing", "ps", replace(QUARTER, rate="25"), picture=[(3.0, 18.0)]),
    _case("sound-60", "a minute of sound missing", "ts", MINUTE, sound=[(3.0, 63.0)]),
    _case("picture-60", "a minute of picture missing", "ts", MINUTE, picture=[(3.0, 63.0)]),
    _case("sound-60", "a minute of sound missing", "mp4", MINUTE, sound=[(3.0, 63.0)]),
    _case("picture-60", "a minute of picture missing", "mp4", MINUTE, picture=[(3.0, 63.0)]),
    _case("sound-60", "a minute of sound missing", "mkv", MINUTE, sound=[(3.0, 63.0)]),
)

#: one AAC packet of 21 ms every 0.4 s, away from the beeps
LOST = [(round(at / 10 + 0.15, 2), round(at / 10 + 0.165, 3)) for at in range(4, 78, 4)]
PLACES = (
    _case("three-gaps", "sound missing three times", "ts", LONG, sound=[(0.8, 1.4), (2.0, 3.0), (5.8, 6.8)]),
    _case("crossed", "sound missing, then picture", "ts", LONG, sound=[(2.0, 3.0)], picture=[(5.6, 6.6)]),
    _case("crossed", "sound missing, then picture", "mkv", LONG, sound=[(2.0, 3.0)], picture=[(5.6, 6.6)]),
    _case("crossed", "sound missing, then picture", "mp4", LONG, sound=[(2.0, 3.0)], picture=[(5.6, 6.6)]),
    _case(
        "overlap", "sound missing, and from its middle on picture", "ts", LONG, sound=[(2.0, 3.0)], picture=[(2.4, 3.6)]
    ),
    _case("lost-packets", "a packet of sound missing every 0.4 s", "mkv", LONG, sound=LOST, warns=None),
    _case("lost-packets", "a packet of sound missing every 0.4 s", "webm", LONG, sound=LOST, warns=None),
    _case("lost-packets", "a packet of sound missing every 0.4 s", "ts", LONG, sound=LOST, warns=None),
)

#: how much of a hole in both streams is kept is open; that both agree about it is not
BOTH = tuple(
    Case(
        f"gap-{name}-both-{by}",
        f"{CONTAINERS[name].name}: {by} s of both missing",
        stepping(
            CONTAINERS[name].suffix,
            LONG,
            4,
            by,
            video=CONTAINERS[name].video,
            audio=CONTAINERS[name].audio,
            options=CONTAINERS[name].options,
        ),
        whole(LONG, anywhere=True, frames=None, seconds=None),
        quick=(name, by) == ("ts", 8),
    )
    for name, by in (
        ("ts", 1),
        ("ts", 8),
        ("ts", 15),
        ("ps", 8),
        ("flv", 8),
        ("mkv", 1),
        ("mkv", 8),
        ("mp4", 8),
        ("fmp4", 8),
        ("webm", 8),
    )
)

KIND = Kind(
    "Gaps in sound, in picture, or in both",
    "A gap in one stream is silence or a held picture; what follows it is in sync within 0.05 s.",
    (*IN_ONE, *LENGTHS, *PLACES, *BOTH),
)
