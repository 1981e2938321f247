"""The audio2srt step on Lambda."""

from avflow.workflow import audio2srt
from lambdas.step_handler import lambda_handler

handler = lambda_handler("audio2srt", audio2srt.run)
