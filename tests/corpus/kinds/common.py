"""What the kinds share: sentences, films, and what is right of a film that comes out as it is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.corpus.case import Right
from tests.corpus.film import Film, after

GARDEN = "Good morning everybody, and welcome to the garden show."
TRAIN = "The train to London leaves at seven in the evening."
MILK = "My brother bought three apples and a bottle of milk."

#: a film of 8 s, whose intervals between marks all differ
LONG_MARKS = (0.52, 1.72, 3.2, 5.4, 7.0)
LONG = Film(seconds=8, flashes=LONG_MARKS, beeps=LONG_MARKS)
SHORT = Film(seconds=2.4, flashes=(0.4, 1.32), beeps=(0.4, 1.32))
TWO = after((Film(), SHORT))
THREE = after((SHORT, Film(), SHORT))
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")


def whole(*films: Film, **more: Any) -> Right:
    """All pictures and sounds of films, one behind the other, without a warning."""
    flashes, beeps, begin = [], [], 0.0
    for film in films:
        flashes += [round(begin + at, 4) for at in film.flashes]
        beeps += [round(begin + at, 4) for at in film.beeps]
        begin += max(film.seconds, film.sound_seconds or 0)
    rate = Fraction(films[0].rate)
    right: dict[str, Any] = {
        "frames": round(begin * rate),
        "slack": len(films) - 1,
        "rate": rate,
        "seconds": begin,
        "pictures": range(films[0].first, films[0].first + sum(film.frames for film in films)),
        "marks": [at for at in flashes if at in beeps],
        "flashes": [at for at in flashes if at not in beeps],
        "beeps": [at for at in beeps if at not in flashes],
        "warns": "",
    }
    return Right(**{**right, **more})


def outside(marks: Sequence[float], *gaps: tuple[float, float]) -> tuple[float, ...]:
    """The marks that lie in no gap."""
    return tuple(mark for mark in marks if not any(start <= mark < end for start, end in gaps))
