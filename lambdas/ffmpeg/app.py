"""The FFmpeg step on Lambda."""

from avflow.workflow import ffmpeg
from lambdas.step_handler import lambda_handler

handler = lambda_handler("ffmpeg", ffmpeg.run)
