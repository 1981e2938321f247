"""FFmpeg's commands, and how they are run: `imageio-ffmpeg`'s binary, one version on every machine."""

from avflow.ffmpeg.commands import conversion_rate, convert, extract_wav, mux
from avflow.ffmpeg.process import Process, binary, run, written_whole

__all__ = ["Process", "binary", "conversion_rate", "convert", "extract_wav", "mux", "run", "written_whole"]
