"""FFmpeg on Lambda."""

from avflow.stages import ffmpeg
from lambdas.entry import lambda_handler

handler = lambda_handler("ffmpeg", ffmpeg.run)
