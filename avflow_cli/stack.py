"""The embedded AWS with the project's own template deployed on it."""

from __future__ import annotations

import argparse
import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avflow.cores import usable_cores
from avflow.errors import AvflowError, ModelUnknown
from avflow.models.store import ModelStore
from avflow.speech import require_engine
from avflow_cli import images
from avflow_cli.models import fetch
from local_aws.cloudformation.deploy import DeployError, deploy
from local_aws.sandbox.activity import Listener
from local_aws.server import LocalAws

ROOT = Path(__file__).parents[1]
STACK_NAME = "av-workflow"


class StackNotDeployed(AvflowError):
    """The template has a parameter or resource that can't be deployed."""

    advice = "Look at template.yaml, and at the parameters given."


class PortTaken(AvflowError):
    """Another program listens where the embedded AWS should."""


@dataclass(frozen=True)
class StackOptions:
    """The stack's models; how small its Lambdas and segments are (None: as in the template); whether in containers."""

    yolov3_model: str
    speech_model: str
    lambda_timeout: float | None = None
    lambda_memory: int | None = None
    lambda_tmp: int | None = None
    segment_seconds: float | None = None
    detector_precision: str = "fastest"
    containers: bool = False

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> StackOptions:
        """From the command line."""
        return cls(
            arguments.yolov3_model,
            arguments.speech_model,
            arguments.lambda_timeout,
            arguments.lambda_memory,
            arguments.lambda_tmp,
            arguments.segment_seconds,
            arguments.detector_precision,
            arguments.containers,
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
        A model isn't here and can't be fetched, or its int8 network was not made yet.
    ImagesNotBuilt
        The steps are to run in their images, and there are none with these models.
    PortTaken, StackNotDeployed
    """
    _require_kinds(options)
    if options.containers:
        template = images.built_template(options.yolov3_model, options.speech_model, options.detector_precision)
    else:
        template, store = ROOT / "template.yaml", ModelStore()
        for name in (options.yolov3_model, options.speech_model):
            fetch(store, name)
        if options.detector_precision == "int8":
            from avflow.workflow.yolov3 import require_int8  # noqa: PLC0415  heavy

            require_int8(options.yolov3_model, store)
    parameters = {
        "Yolov3Model": options.yolov3_model,
        "SpeechModel": options.speech_model,
        "DetectorPrecision": options.detector_precision,
        "DetectorCompute": "gpu",
    }
    if options.segment_seconds is not None:
        parameters["SegmentSeconds"] = f"{options.segment_seconds:g}"
    with (
        tempfile.TemporaryDirectory(prefix="avflow-aws-") as folder,
        _embedded_aws(options, Path(folder), listener, port) as aws,
    ):
        try:
            outputs = deploy(aws, template, parameters, STACK_NAME)
        except DeployError as error:
            raise StackNotDeployed(f"template.yaml can't be deployed: {error}.") from error
        yield Stack(aws, outputs["BucketName"], outputs["StateMachineArn"])


def _require_kinds(options: StackOptions) -> None:
    """Known before anything runs: a detector detects, and a speech model hears."""
    store = ModelStore()
    for name, kinds, what in (
        (options.yolov3_model, ("yolov3",), "detector"),
        (options.speech_model, ("whisper", "pocketsphinx"), "speech model"),
    ):
        if store.describe(name).kind not in kinds:
            there_are = ", ".join(other for other in store.names() if store.describe(other).kind in kinds)
            raise ModelUnknown(f"{name} is no {what}: there are {there_are}.")
    if not options.containers:  # the image has every engine
        require_engine(options.speech_model, store)


def _embedded_aws(options: StackOptions, folder: Path, listener: Listener, port: int) -> LocalAws:
    try:
        return LocalAws(
            ROOT,
            folder,
            port=port,
            on_activity=listener,
            lambda_timeout=options.lambda_timeout,
            lambda_memory=options.lambda_memory,
            lambda_scratch=options.lambda_tmp,
            containers=options.containers,
            cores=usable_cores(),
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} of 127.0.0.1 is in use.", "End what uses it, or give --port another."
            ) from error
        raise
