"""Merge on Lambda."""

from avflow.stages import merge
from lambdas.entry import lambda_handler

handler = lambda_handler("merge", merge.run)
