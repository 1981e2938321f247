"""Joins the annotated segments of a video into one FFmpeg input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.media.accepted import PROTOCOL_WHITELIST
from avflow.media.containers import file_url


@dataclass(frozen=True)
class Boxed:
    """The AVI or MP4 of an annotated segment, with an ASCII file name, and its number of frames."""

    path: Path
    frames: int


def concat_input(segments: Sequence[Boxed], rate: Fraction, demuxer: str = "avi") -> Any:
    """The segments, one after another, as an ffmpeg-python input. All of them are in one folder, and read by `demuxer`.

    FFmpeg's demuxer "concat" reads the names and durations of the segments from a list in the same folder (FFmpeg
    Formats Documentation, section 4.7). Durations are in microseconds. Each is the difference of two rounded end times,
    so that rounding errors don't accumulate and every frame keeps its tick.
    """
    lines, frames, end = ["ffconcat version 1.0"], 0, 0
    for segment in segments:
        frames, start = frames + segment.frames, end
        end = round(frames / rate * 1_000_000)
        lines += [f"file {segment.path.name}", f"duration {end - start}us"]
    script = segments[0].path.with_name(f"segments-{demuxer}.ffconcat")
    script.write_text("\n".join(lines) + "\n", encoding="ascii")
    return ffmpeg.input(
        file_url(script), format="concat", protocol_whitelist=PROTOCOL_WHITELIST, format_whitelist=f"concat,{demuxer}"
    )
