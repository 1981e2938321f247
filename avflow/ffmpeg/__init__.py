"""Builds and runs FFmpeg commands with the binary of `imageio-ffmpeg`, the same version on every machine.

`commands` and `mp4` have the commands of the workflow. The frame filters (size, deinterlacing, crop, rotation, rate,
HDR) are in `filters`, and the audio is in `audio`.
"""

from avflow.ffmpeg.arguments import ANY_ERROR_RATE, arguments, source_input
from avflow.ffmpeg.commands import convert, extract_wav, mux
from avflow.ffmpeg.joining import Boxed
from avflow.ffmpeg.mp4 import SubtitleTrack, mux_mp4
from avflow.ffmpeg.process import Process, binary, run, written_whole
from avflow.ffmpeg.sheet import write_sheet
from avflow.ffmpeg.text_pictures import TextPictures

__all__ = [
    "ANY_ERROR_RATE",
    "Boxed",
    "Process",
    "SubtitleTrack",
    "TextPictures",
    "arguments",
    "binary",
    "convert",
    "extract_wav",
    "mux",
    "mux_mp4",
    "run",
    "source_input",
    "write_sheet",
    "written_whole",
]
