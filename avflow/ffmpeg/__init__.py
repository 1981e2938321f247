"""Builds and runs FFmpeg commands with the binary of `imageio-ffmpeg`, the same version on every machine.

`commands` has the three commands of the workflow. Its frame filters (size, deinterlacing, crop, rotation, rate, HDR)
are in `filters`, and the audio is in `audio`.
"""

from avflow.ffmpeg.arguments import ANY_ERROR_RATE, arguments, source_input
from avflow.ffmpeg.commands import convert, extract_wav, mux
from avflow.ffmpeg.joining import Boxed
from avflow.ffmpeg.process import Process, binary, run, written_whole

__all__ = [
    "ANY_ERROR_RATE",
    "Boxed",
    "Process",
    "arguments",
    "binary",
    "convert",
    "extract_wav",
    "mux",
    "run",
    "source_input",
    "written_whole",
]
