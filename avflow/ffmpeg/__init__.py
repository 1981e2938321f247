"""FFmpeg's commands, and how they are run: `imageio-ffmpeg`'s binary, one version on every machine."""

from avflow.ffmpeg.arguments import HOWEVER_DAMAGED, arguments, at_constant_rate, source_input
from avflow.ffmpeg.commands import conversion_rate, convert, extract_wav, mux
from avflow.ffmpeg.joining import Boxed
from avflow.ffmpeg.process import Process, binary, run, written_whole

__all__ = [
    "HOWEVER_DAMAGED",
    "Boxed",
    "Process",
    "arguments",
    "at_constant_rate",
    "binary",
    "conversion_rate",
    "convert",
    "extract_wav",
    "mux",
    "run",
    "source_input",
    "written_whole",
]
