"""Subtitles as an MP4 stores them: 3GPP timed text (3GPP TS 26.245), which FFmpeg calls mov_text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import ffmpeg  # type: ignore[import-untyped]

from avflow.errors import FFmpegFailed
from avflow.ffmpeg.arguments import arguments
from avflow.ffmpeg.process import run
from avflow.media.containers import file_url
from avflow.speech import subtitles
from avflow.speech.subtitles import Cue

#: stands for the text of each cue while FFmpeg lays out the track
_PLACE = "x"


def write_track(cues: Sequence[Cue], target: Path) -> None:
    """Write `target`, an MP4 with a subtitle track alone: the text of each cue as it is.

    FFmpeg turns every text into ASS on its way, and would show `{` as `\\{`. So FFmpeg writes a track of the same times
    with a letter in place of each text, and this function puts in the texts.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    """
    laid_out, timed = target.with_suffix(".times.mp4"), target.with_suffix(".times.srt")
    subtitles.write([replace(cue, text=_PLACE) for cue in cues], timed)
    track = ffmpeg.input(file_url(timed), format="srt", protocol_whitelist="file")["s:0"]
    command = arguments(track.output(file_url(laid_out), format="mp4", scodec="mov_text"), "-progress", "pipe:1")
    run(command, target.name, step="merge", seconds=1.0)
    texts = [subtitles.without_blank_lines(cue.text).encode() for cue in cues]
    with av.open(file_url(laid_out)) as source, av.open(file_url(target), "w", format="mp4") as written:
        stream = source.streams.subtitles[0]
        copied = written.add_stream_from_template(stream)
        count = 0
        for packet in source.demux(stream):
            if not packet.size:
                continue
            content = bytes(packet)
            if _PLACE.encode() in content[2:3]:  # else nothing is shown
                content = len(texts[count]).to_bytes(2) + texts[count]
                count += 1
            made = av.Packet(content)
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base, made.stream, made.is_keyframe = packet.time_base, copied, True
            written.mux(made)
    if count != len(cues):
        raise FFmpegFailed(f"the subtitle track of {target.name} has {count} of its {len(cues)} cues")
