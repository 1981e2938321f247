"""Argument lists for FFmpeg, built with ffmpeg-python.

FFmpeg runs without a shell, and every path is a `file:` URL, so that no file name can act as an option.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.cores import codec_threads
from avflow.ffmpeg.process import binary
from avflow.media.accepted import DECODER_OPTIONS, FORMAT_WHITELIST, PROTOCOL_WHITELIST
from avflow.media.containers import FAR_OPTIONS, file_url
from avflow.media.lengths.raw_samples import raw_samples

#: By default, FFmpeg fails if most frames can't be decoded. A caller that checks the number of frames itself, and
#: reports the damage, passes these options.
ANY_ERROR_RATE = ("-max_error_rate", "1")


def source_input(source: Path, *, late: bool = False, threads: int = 1, **options: Any) -> Any:
    """An uploaded file as an ffmpeg-python input.

    Whatever the upload contains, FFmpeg opens no other file or address, and decodes no frame above `MAX_AREA` pixels.

    Parameters
    ----------
    late:
        Whether streams appear late (`avflow.media.tracks.late`).
    threads:
        Threads of each decoder.
    options:
        More options of the input.
    """
    raw = raw_samples(source)
    limits = {
        "protocol_whitelist": PROTOCOL_WHITELIST,
        "format_whitelist": raw.format if raw else FORMAT_WHITELIST,
        **DECODER_OPTIONS,
    }
    if raw is not None:
        options |= raw.options | {"format": raw.format}
    if late:
        options |= FAR_OPTIONS
    return ffmpeg.input(file_url(source), **limits, threads=threads, **options)


def arguments(output: Any, *options: str) -> list[str]:
    """The argument list of an ffmpeg-python output, starting with the binary."""
    threads = ("-filter_complex_threads", str(codec_threads()))
    global_options = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", *threads, *options)
    command: list[str] = output.global_args(*global_options).overwrite_output().compile(cmd=binary())
    return command
