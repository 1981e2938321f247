"""Argument lists for FFmpeg, built with ffmpeg-python: never a shell, never a path that could be an option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.ffmpeg.process import binary
from avflow.media.containers import FORMAT_WHITELIST, PROTOCOL_WHITELIST, file_url


def source_input(source: Path, **options: Any) -> Any:
    """An upload as ffmpeg-python's input: only the file itself is opened, whatever its name and content."""
    return ffmpeg.input(
        file_url(source), protocol_whitelist=PROTOCOL_WHITELIST, format_whitelist=FORMAT_WHITELIST, **options
    )


def arguments(output: Any, *options: str) -> list[str]:
    """The argument list of an ffmpeg-python output, the binary first."""
    everywhere = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", *options)
    command: list[str] = output.global_args(*everywhere).overwrite_output().compile(cmd=binary())
    return command
