"""The audio track as the other commands take it: plain samples in one format, on the picture's clock.

A broadcast changes between mono, stereo and 5.1 as it goes, and FFmpeg then builds its
filters anew, which would pad the sound from 0 a second time. So one FFmpeg decodes to
samples of one format, and only the next one, behind a pipe, places them in time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.errors import FFmpegFailed
from avflow.ffmpeg.arguments import arguments, source_input
from avflow.ffmpeg.process import Process, run
from avflow.media.model import AudioStream, Media
from avflow.progress import Report

#: seconds added on the way through the pipe, where times can't be negative
_AHEAD = 10


def clock_options(media: Media) -> Sequence[str]:
    """Keep the container's own clock, unless it jumps: then FFmpeg closes the gaps."""
    return ("-copyts",) if media.continuous else ()


def samples(source: Path, media: Media, stream: AudioStream, *, rate: int, channels: int) -> list[str]:
    """The command that decodes the track to 16-bit samples on its standard output."""
    track = source_input(source)[str(stream.index)]
    output = track.output(
        "pipe:1", format="nut", acodec="pcm_s16le", ar=rate, ac=channels, output_ts_offset=_AHEAD, avoid_negative_ts=0
    )
    return arguments(output, *clock_options(media))


def track_from_first_picture(media: Media, stream: AudioStream, *, rate: int, sooner: Fraction = Fraction(0)) -> Any:
    """The samples on standard input, padded or trimmed to begin with the first picture, or `sooner` seconds before."""
    if media.video is None:
        placed = "PTS-STARTPTS"
    elif media.continuous:
        placed = f"PTS-{media.video.start_time + _AHEAD + float(sooner):.6f}/TB"
    else:
        placed = f"PTS-STARTPTS+({stream.start_time - media.video.start_time - float(sooner):.6f})/TB"
    # async=1 fills holes and cuts overlaps but never stretches: speech keeps its pitch
    track = ffmpeg.input("pipe:0", format="nut")["a:0"].filter("asetpts", placed)
    return track.filter("aresample", rate, first_pts=0, **{"async": 1})


def run_with_samples(
    feed: Sequence[str], command: Sequence[str], name: str, *, step: str, seconds: float, report: Report
) -> int:
    """Run `command` with the output of `feed` as its standard input, and return the number of pictures it wrote.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
        Whichever of the two failed first is named.
    """
    with Process(feed, name, stdout=subprocess.PIPE) as feeder:
        try:
            frames = run(command, name, step=step, seconds=seconds, report=report, stdin=feeder.stdout)
        except FFmpegFailed as consequence:
            try:
                feeder.finish()
            except FFmpegFailed as cause:
                if "Broken pipe" not in cause.message:
                    raise cause from consequence
            raise
        feeder.finish()
    return frames
