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

from avflow.errors import FFmpegFailed, InvalidMediaNoStreams
from avflow.ffmpeg.arguments import ANY_ERROR_RATE, arguments, source_input
from avflow.ffmpeg.mixing import channels, limited, mixed_streams, summed, weighted
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


def decoder_command(source: Path, stream: AudioStream, *, rate: int, speech: bool = False) -> list[str]:
    """The command that decodes the streams that are heard, and writes their weighted channels to its standard output.

    The samples are floating-point numbers, so that amplified speech is as exact as in the source. Packets that can't be
    decoded leave a gap, which `aligned` fills with silence.

    Parameters
    ----------
    rate:
        Samples per second.
    speech:
        Whether the samples are mixed to mono for speech recognition.
    """
    tracks = source_input(source, late=stream.late)
    output = ffmpeg.output(
        *(weighted(tracks[str(mixed.index)], stream, mixed, speech=speech) for mixed in mixed_streams(stream)),
        "pipe:1",
        format="nut",
        acodec="pcm_f32le",
        ar=rate,
        ac=channels(stream, speech=speech),
        output_ts_offset=_PIPE_OFFSET,
        avoid_negative_ts=0,
    )
    return arguments(output, *KEEP_CLOCK, *ANY_ERROR_RATE)


def aligned(media: Media, *, rate: int, speech: bool = False, lead_in: Fraction = Fraction(0)) -> Any:
    """The samples from standard input, padded or trimmed to start with second 0 of the results, in one mix.

    Parameters
    ----------
    rate:
        Samples per second.
    speech:
        As for `decoder_command`.
    lead_in:
        Start this many seconds before second 0.
    """
    if media.audio is None:
        raise InvalidMediaNoStreams("There is no audio stream to align")
    timestamps = f"PTS-{media.zero + _PIPE_OFFSET + float(lead_in):.6f}/TB"
    pipe = ffmpeg.input("pipe:0", format="nut")
    # async=1 fills gaps and cuts overlaps, but never stretches the audio, so that speech keeps its pitch
    tracks = [
        pipe[f"a:{number}"]
        .filter("asetpts", timestamps)
        .filter("aresample", rate, first_pts=0, min_hard_comp=_MOVE, **{"async": 1})
        for number in range(len(mixed_streams(media.audio)))
    ]
    return limited(summed(tracks), media.audio, speech=speech)


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
