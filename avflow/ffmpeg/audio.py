"""Decodes the audio stream to samples of one format and aligns them with the video.

A broadcast may change between mono, stereo and 5.1. FFmpeg then rebuilds its filters, which would pad the audio from 0
a second time. Therefore two FFmpeg processes share the work: the first decodes to samples of one format, and the second
reads them through a pipe and aligns them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.errors import FFmpegFailed
from avflow.ffmpeg.arguments import ANY_ERROR_RATE, arguments, source_input
from avflow.ffmpeg.process import Process, run
from avflow.media.model import AudioStream, Media
from avflow.progress import Report

#: seconds added to the timestamps in the pipe, because they can't be negative there
_PIPE_OFFSET = 10
#: Options that keep the container's timestamps. Otherwise FFmpeg closes gaps, in each stream on its own.
KEEP_CLOCK = ("-copyts",)
#: Seconds by which samples may be early or late before they are moved: 20 ms is below what anybody notices, and above
#: the jitter of recorders.
_MOVE = 0.02


def decoder_command(source: Path, stream: AudioStream, *, rate: int, channels: int) -> list[str]:
    """The command that decodes the audio stream to 16-bit samples and writes them to its standard output.

    Packets that can't be decoded leave a gap, which `aligned` fills with silence.
    """
    track = source_input(source, late=stream.late)[str(stream.index)]
    output = track.output(
        "pipe:1",
        format="nut",
        acodec="pcm_s16le",
        ar=rate,
        ac=channels,
        output_ts_offset=_PIPE_OFFSET,
        avoid_negative_ts=0,
    )
    return arguments(output, *KEEP_CLOCK, *ANY_ERROR_RATE)


def aligned(media: Media, *, rate: int, lead_in: Fraction = Fraction(0)) -> Any:
    """The samples from standard input, padded or trimmed to start with second 0 of the results.

    Parameters
    ----------
    rate:
        Samples per second.
    lead_in:
        Start this many seconds before second 0.
    """
    timestamps = f"PTS-{media.zero + _PIPE_OFFSET + float(lead_in):.6f}/TB"
    # async=1 fills gaps and cuts overlaps, but never stretches the audio, so that speech keeps its pitch
    track = ffmpeg.input("pipe:0", format="nut")["a:0"].filter("asetpts", timestamps)
    return track.filter("aresample", rate, first_pts=0, min_hard_comp=_MOVE, **{"async": 1})


def run_with_decoder(
    decoder: Sequence[str], command: Sequence[str], name: str, *, step: str, seconds: float, report: Report
) -> int:
    """Run `command` with the output of the command `decoder` as its standard input.

    The other parameters are those of `avflow.ffmpeg.process.run`.

    Returns
    -------
    The number of frames that `command` wrote.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
        The failure of the process that failed first.
    """
    with Process(decoder, name, stdout=subprocess.PIPE) as decoding:
        try:
            frames = run(command, name, step=step, seconds=seconds, report=report, stdin=decoding.stdout)
        except FFmpegFailed as consequence:
            try:
                decoding.finish()
            except FFmpegFailed as cause:
                if "Broken pipe" not in cause.message:
                    raise cause from consequence
            raise
        decoding.finish()
    return frames
