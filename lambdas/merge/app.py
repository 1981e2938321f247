"""The Merge step on Lambda."""

from avflow.workflow import merge
from lambdas.step_handler import lambda_handler

handler = lambda_handler("merge", merge.run)
