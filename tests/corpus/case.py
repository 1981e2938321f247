"""What one input of the corpus is, and what must come out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Right:
    """What must come out. A field that is None is not checked, unless its comment says otherwise."""

    #: number of frames of the result, and by how many it may differ
    frames: int | None = None
    slack: int = 0
    #: frames per second of the result
    rate: Fraction | None = None
    #: seconds of picture, and of sound where there is sound, within `seconds_within`
    seconds: float | None = None
    seconds_within: float = 0.12
    size: tuple[int, int] | None = None
    #: numbers on the frames, each once, in order
    pictures: Sequence[int] | None = None
    #: seconds at which a flash is seen and a beep is heard, within 0.05 s of each other and `seconds_within` of these
    marks: Sequence[float] = ()
    #: whether marks may come at other seconds, as where it is open how much of a gap is kept: only sync and order count
    anywhere: bool = False
    #: seconds at which only a flash is seen, or only a beep is heard
    flashes: Sequence[float] = ()
    beeps: Sequence[float] = ()
    #: sentences by the second of their beginning; () if there must be no subtitle. None: no speech recognition is run
    said: Mapping[float, str] | None = None
    said_within: float = 0.5
    #: whether the white square must be as wide as high on all frames
    square: bool = False
    #: False: the result must have no video, or no sound
    video: bool = True
    sound: bool = True
    #: names of the errors, of which one must end the FFmpeg step; with them nothing else is checked
    errors: Sequence[str] = ()
    #: names of errors that are as right as the result, where FFmpeg itself can't decode all
    or_error: Sequence[str] = ()
    #: whether the pictures must be those that a plain decode of the input gives
    as_decoded: bool = False
    #: a pattern that a warning in the manifest must match; "" if there must be none
    warns: str | None = None
    #: what `truncated` in the manifest must be
    truncated: bool | None = None


@dataclass(frozen=True)
class Case:
    """One input: `make` writes it into an empty folder and returns its path."""

    id: str
    #: what people upload, for the table
    what: str
    make: Callable[[Path], Path]
    right: Right
    #: whether `make test` runs it, and not `make test-slow`
    quick: bool = False
    #: settings of the steps, as environment variables
    environ: Mapping[str, str] = field(default_factory=dict)
    #: whether the FFmpeg step works in a media process, which its parent can end: FFmpeg's own code takes too long
    isolated: bool = False


@dataclass(frozen=True)
class Kind:
    """Inputs that have something in common, and the rule for them."""

    name: str
    rule: str
    cases: tuple[Case, ...]
