"""Argument lists for FFmpeg, built with ffmpeg-python: never a shell, never a path that could be an option."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.cores import codec_threads
from avflow.ffmpeg.process import binary
from avflow.media import VideoStream
from avflow.media.containers import FORMAT_WHITELIST, PROTOCOL_WHITELIST, file_url
from avflow.media.model import MAX_AREA

#: FFmpeg would fail where most pictures can't be decoded: for those who count them, and name the damage
HOWEVER_DAMAGED = ("-max_error_rate", "1")


def source_input(source: Path, **options: Any) -> Any:
    """An upload as ffmpeg-python's input: only the file itself is opened, and no huge picture, whatever is in it."""
    limits = {
        "protocol_whitelist": PROTOCOL_WHITELIST,
        "format_whitelist": FORMAT_WHITELIST,
        "max_pixels": MAX_AREA,
    }
    return ffmpeg.input(file_url(source), **limits, threads=codec_threads(), **options)


def at_constant_rate(pictures: Any, stream: VideoStream, rate: Fraction) -> Any:
    """`pictures` at `rate`, from the first picture on: one that can't be decoded is replaced by the one before it.

    Those before the first that can be decoded are replaced by it.
    """
    pictures = pictures.filter("setpts", f"PTS-STARTPTS+{stream.lead:.6f}/TB")
    return pictures.filter("fps", str(rate), start_time=0)


def arguments(output: Any, *options: str) -> list[str]:
    """The argument list of an ffmpeg-python output, the binary first."""
    threads = ("-filter_complex_threads", str(codec_threads()))
    everywhere = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", *threads, *options)
    command: list[str] = output.global_args(*everywhere).overwrite_output().compile(cmd=binary())
    return command
