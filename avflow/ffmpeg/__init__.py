"""FFmpeg's commands, and how they are run: `imageio-ffmpeg`'s binary, one version on every machine."""

from avflow.ffmpeg.commands import arguments, conversion_rate, convert, encodable_rate, extract_wav, mux, source_input
from avflow.ffmpeg.process import UNLIMITED, Process, binary, run, written_whole

__all__ = [
    "UNLIMITED",
    "Process",
    "arguments",
    "binary",
    "conversion_rate",
    "convert",
    "encodable_rate",
    "extract_wav",
    "mux",
    "run",
    "source_input",
    "written_whole",
]
