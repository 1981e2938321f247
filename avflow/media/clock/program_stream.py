"""Repairs the timestamps of MPEG-1 and MPEG-2 video in program streams.

Only the first frame that begins in a PES packet has timestamps (ISO/IEC 13818-1, 2.4.3.7). FFmpeg guesses those of the
others, and may be one frame too early or too late, so that two frames share one. It takes the presentation timestamp of
a frame from the decoding timestamp of the next one that is not a B frame, even across a gap.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

#: share of a frame's duration by which a guess may be wrong; more is a gap
_WRONG_GUESS = 1.5
#: share of a frame's duration by which a right timestamp is earlier than expected, if those before it were too late
_TOO_LATE = 0.6
#: picture_start_code, and the type of a B frame
_PICTURE_START, _B_FRAME = b"\x00\x00\x01\x00", 3
#: ticks by which each frame follows its own timestamp: durations are rounded, and would drift
_NUDGE = 2


def is_guessed(stream: Any) -> bool:
    """Whether FFmpeg guesses most timestamps of a video stream."""
    codec = stream.codec_context and stream.codec_context.name
    return stream.container.format.name == "mpeg" and codec in ("mpeg1video", "mpeg2video")


class FrameTimes:
    """Gives frames that follow one another without a gap their durations as distances.

    Parameters
    ----------
    stream:
        The video stream.
    late:
        The `late` of another object that has seen the same packets before.
    """

    def __init__(self, stream: Any, late: Collection[int] = ()) -> None:
        self._delayed = stream.codec_context.has_b_frames > 0
        self._too_late = frozenset(late)
        #: Numbers of the gaps after which FFmpeg's guesses are one frame too late: it gave the timestamp of the first
        #: frame after the gap to the last one before it.
        self.late: set[int] = set()
        self._gaps = -1
        #: the decoding timestamp of a packet that follows the last one without a gap
        self._follows: int | None = None
        #: a frame that B frames may follow, and those: its presentation timestamp is not known yet
        self._held: list[Any] = []

    def repaired(self, packet: Any) -> list[Any]:
        """The packets whose timestamps are known with this one, in order."""
        if packet.dts is None or packet.pts is None:
            return [*self.flush(), packet]
        reordered = self._delayed and not _is_b_frame(packet)
        expected = self._follows
        packet.dts = self.note(packet.dts, packet.duration or 0)
        if not reordered:
            packet.pts = packet.dts
            if not self._held:
                return [packet]
            self._held.append(packet)
            return []
        released = self._released(packet.dts if expected is None else expected)
        self._held = [packet]
        return released

    def note(self, dts: int, duration: int) -> int:
        """The decoding timestamp of the next frame, in place of FFmpeg's guess. All in ticks."""
        expected = self._follows
        if expected is not None and abs(dts - expected) <= _WRONG_GUESS * duration:
            if dts - expected <= -_TOO_LATE * duration:
                self.late.add(self._gaps)
            placed = expected + max(-_NUDGE, min(_NUDGE, dts - expected))
            self._follows = placed + duration
            return placed
        self._gaps += 1
        if self._gaps in self._too_late:
            self._follows = dts
            return dts - duration if expected is None else expected
        self._follows = dts + duration
        return dts

    def flush(self) -> list[Any]:
        """The remaining packets."""
        released = self._released(self._follows)
        self._held, self._follows = [], None
        return released

    def _released(self, shown: int | None) -> list[Any]:
        if self._held:
            self._held[0].pts = shown
        return self._held


def _is_b_frame(packet: Any) -> bool:
    """Whether picture_coding_type is 3 (ISO/IEC 13818-2, 6.3.9)."""
    content = bytes(packet)
    at = content.find(_PICTURE_START)
    return 0 <= at < len(content) - 5 and content[at + 5] >> 3 & 7 == _B_FRAME
