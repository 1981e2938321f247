"""Compare what came out of an input with what is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.corpus.case import Case, Right
from tests.corpus.measuring import Shown, speech_faults
from tests.corpus.running import Outcome

#: seconds between a flash and its beep that a viewer does not notice
SYNC = 0.05
#: seconds of silence that an encoder may add at the end of the sound
LAST_PACKET = 0.1


def faults(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong, one sentence each. Empty if all is right."""
    right = case.right
    if right.errors:
        wanted = [f"ffmpeg: {name}" for name in right.errors]
        return [] if outcome.error in wanted else [f"{outcome.error or 'no error'}, not {' or '.join(wanted)}"]
    if outcome.error in [f"ffmpeg: {name}" for name in right.or_error]:
        return []
    if outcome.error:
        return [f"{outcome.error}: {outcome.message}"]
    found = _of_manifest(right, outcome)
    if right.video != (outcome.shown is not None):
        found.append("the result has a video" if outcome.shown else "the result has no video")
    elif outcome.shown is not None:
        found += _of_picture(right, outcome.shown) + _of_sound(right, outcome.shown)
    if outcome.shown is not None and outcome.decoded is not None:
        there, decoded = outcome.shown.pictures, outcome.decoded.pictures
        if there not in (decoded, decoded[:-1]):  # a cut may go through the last picture
            found.append("against a plain decode, " + _of_numbers(decoded, there))
    if right.said is not None:
        found += speech_faults(right.said, right.said_within, outcome.cues)
    return found


def _of_manifest(right: Right, outcome: Outcome) -> list[str]:
    assert outcome.manifest is not None
    found = []
    texts = [f"{notice.name}: {notice.message}" for notice in outcome.manifest.warnings]
    if right.warns == "" and texts:
        found.append(f"warnings that nothing calls for: {texts}")
    elif right.warns and not any(re.search(right.warns, text, re.I) for text in texts):
        found.append(f"no warning about {right.warns!r}: {texts}")
    truncated = any(values_of(outcome.manifest.to_dict(), "truncated"))
    if right.truncated is not None and truncated != right.truncated:
        found.append(f"the manifest says truncated: {truncated}")
    return found


def values_of(value: Any, name: str) -> list[Any]:
    """All values of the fields of this name in JSON."""
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in ([inner] if key == name else values_of(inner, name))]
    return [each for inner in value for each in values_of(inner, name)] if isinstance(value, list | tuple) else []


def _of_picture(right: Right, shown: Shown) -> list[str]:
    found = []
    if right.frames is not None and abs(shown.frames - right.frames) > right.slack:
        found.append(f"{shown.frames} frames, not {right.frames}")
    if right.rate is not None and shown.rate != right.rate:
        found.append(f"{shown.rate} frames/s, not {right.rate}")
    if right.seconds is not None and abs(shown.picture_seconds - right.seconds) > right.seconds_within:
        found.append(f"{shown.picture_seconds:.3f} s of picture, not {right.seconds}")
    if right.size is not None and shown.size != right.size:
        found.append(f"{shown.size} pixels, not {right.size}")
    if right.pictures is not None and list(shown.pictures) != list(right.pictures):
        found.append(_of_numbers(right.pictures, shown.pictures))
    if right.square and not all(0.93 <= ratio <= 1.08 for ratio in shown.squares):
        found.append(f"the squares are {shown.squares} times as wide as high")
    return found


def _of_numbers(right: Sequence[int], seen: Sequence[int]) -> str:
    lost, extra = sorted(set(right) - set(seen)), len(seen) - len(set(seen) & set(right))
    if not lost and not extra:
        return "the pictures come in another order"
    return f"{len(lost)} pictures are lost ({lost[:5]}...), {extra} come twice or are damaged"


def _of_sound(right: Right, shown: Shown) -> list[str]:
    if not right.sound:
        return ["the result has sound"] if shown.sound_seconds else []
    found = []
    if right.seconds is not None and shown.sound_seconds > right.seconds + right.seconds_within + LAST_PACKET:
        found.append(f"{shown.sound_seconds:.3f} s of sound, not {right.seconds}")
    if right.anywhere:
        return found + _pairs(right, shown)
    flashes, beeps = sorted([*right.marks, *right.flashes]), sorted([*right.marks, *right.beeps])
    seen = _unlike("flashes", flashes, shown.flashes, right.seconds_within)
    heard = _unlike("beeps", beeps, shown.beeps, right.seconds_within)
    found += seen + heard
    for mark in right.marks:
        flash = min(shown.flashes, key=lambda at: abs(at - mark), default=None)
        beep = min(shown.beeps, key=lambda at: abs(at - mark), default=None)
        if flash is not None and beep is not None and abs(beep - flash) > SYNC:
            found.append(f"the beep of {mark} s is {beep - flash:+.3f} s away from its flash")
    return found


def _pairs(right: Right, shown: Shown) -> list[str]:
    """The faults of flashes and beeps in their order, whatever their seconds."""
    seen, heard = len(shown.flashes), len(shown.beeps)
    # without marks it is open how many are there: a cut may part a flash from its beep
    same = seen == heard == len(right.marks) if right.marks else min(seen, heard) > 0 and abs(seen - heard) <= 1
    if not same:
        return [f"flashes at {_list(shown.flashes)}, beeps at {_list(shown.beeps)}, not {len(right.marks)} of each"]
    apart = [(flash, beep - flash) for flash, beep in zip(shown.flashes, shown.beeps, strict=False)]
    return [f"the beep at {at:.2f} s is {by:+.3f} s away from its flash" for at, by in apart if abs(by) > SYNC]


def _unlike(what: str, right: Sequence[float], measured: Sequence[float], within: float) -> list[str]:
    same = len(right) == len(measured) and all(
        abs(one - other) <= within for one, other in zip(right, measured, strict=True)
    )
    return [] if same else [f"{what} at {_list(measured)}, not {_list(right)}"]


def _list(seconds: Sequence[float]) -> str:
    return "[" + ", ".join(f"{second:.2f}" for second in seconds) + "]"
