"""The embedded AWS with the project's own template deployed on it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avflow.models import ModelStore
from avflow_cli.models import fetch
from local_aws.activity import Listener
from local_aws.server import LocalAws

ROOT = Path(__file__).parents[1]
STACK_NAME = "av-workflow"


@dataclass(frozen=True)
class StackOptions:
    """Which models the stack uses, and how small its Lambdas are (None: as in the template)."""

    yolov3_model: str
    speech_model: str
    lambda_timeout: float | None = None
    lambda_memory: int | None = None
    lambda_tmp: int | None = None

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> StackOptions:
        """From the command line."""
        return cls(
            arguments.yolov3_model,
            arguments.speech_model,
            arguments.lambda_timeout,
            arguments.lambda_memory,
            arguments.lambda_tmp,
        )


@dataclass(frozen=True)
class Stack:
    """A deployed template: the embedded AWS, and what the template puts out."""

    aws: LocalAws
    bucket: str
    state_machine: str


@contextmanager
def deployed(options: StackOptions, listener: Listener, port: int = 0) -> Iterator[Stack]:
    """The stack, up until the end of the block; all its processes end with it.

    Raises
    ------
    ModelUnknown, ModelUnavailable
        A model isn't here and can't be fetched.
    """
    store = ModelStore()
    for name in (options.yolov3_model, options.speech_model):
        fetch(store, name)
    parameters = {"Yolov3Model": options.yolov3_model, "SpeechModel": options.speech_model, "DetectorCompute": "gpu"}
    with tempfile.TemporaryDirectory(prefix="avflow-aws-") as folder:
        aws = LocalAws(
            ROOT,
            Path(folder),
            port=port,
            on_activity=listener,
            lambda_timeout=options.lambda_timeout,
            lambda_memory=options.lambda_memory,
            lambda_scratch=options.lambda_tmp,
        )
        with aws:
            outputs = aws.deploy(ROOT / "template.yaml", parameters, STACK_NAME)
            yield Stack(aws, outputs["BucketName"], outputs["StateMachineArn"])
