"""Audio2srt on Lambda."""

from avflow.stages import audio2srt
from lambdas.entry import lambda_handler

handler = lambda_handler("audio2srt", audio2srt.run)
