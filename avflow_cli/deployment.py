"""The embedded AWS with the project's template deployed on it."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avflow.choices import OF_STACK, Choices, written
from avflow.cores import usable_cores
from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow.models.cache import cache_folder
from avflow.models.kinds import DETECTION, SPEECH
from avflow.models.store import ModelStore
from avflow.speech import require_engine
from avflow.workflow.choosing import Chosen, fitting
from avflow_cli import images, where
from avflow_cli.models import fetch
from avflow_cli.port import PortTaken
from avflow_cli.profile import Profile
from avflow_cli.samconfig import STACK_NAME
from avflow_cli.session_folder import session_folder
from local_aws.cloudformation.deploy import DeployError, deploy
from local_aws.environment import without_users_settings
from local_aws.sandbox.activity import Listener
from local_aws.server import LocalAws


class StackNotDeployed(AvflowError):
    """The template has a parameter or resource that can't be deployed."""

    advice = "Check template.yaml and the parameters given."


class DataUnusable(AvflowError):
    """The folder of `avflow up --data DIR` can't be used."""

    advice = "End the other `avflow up`, or choose another folder: --data DIR."
    exit_code = os.EX_CANTCREAT


@dataclass(frozen=True)
class DeploymentOptions:
    """The options of `avflow_cli.options.deployment_options`.

    Parameters
    ----------
    lambda_timeout, lambda_memory, lambda_tmp:
        Upper limits of the Lambda functions, in seconds, MiB and MiB; None: as in the template.
    lambda_concurrency:
        How many invocations run at once in the account.
    segment_seconds:
        Length of a segment; None: as in the template.
    choices:
        What the results show.
    containers:
        Run the steps in containers of their images.
    """

    yolov3_model: str
    speech_model: str
    choices: Choices
    detector_precision: str
    on_truncated: str
    max_run_cost: float
    isolation: str
    short_videos: str
    containers: bool
    segment_seconds: float | None
    lambda_timeout: int | None
    lambda_memory: int | None
    lambda_tmp: int | None
    lambda_concurrency: int


@dataclass(frozen=True)
class Deployment:
    """The embedded AWS, and outputs of the template that is deployed on it: the bucket's name, the machine's ARN.

    `profile` is where the `aws` command finds the address and the access key; None without one.
    """

    aws: LocalAws
    bucket: str
    state_machine: str
    profile: Profile | None = None


@contextmanager
def deployed(
    options: DeploymentOptions,
    listener: Listener,
    port: int = 0,
    *,
    with_profile: bool = False,
    data: Path | None = None,
) -> Iterator[Deployment]:
    """Deploy the template. At the end of the block the embedded AWS and all its processes end.

    Only this process and its children know the access key, unless a profile is written `with_profile`. What is in the
    folder `data` stays; without one, all is removed.

    Raises
    ------
    ModelUnknown, ModelUnavailable
        A model is not on this machine and can't be fetched, or its int8 network has not been made.
    SettingInvalid
        A model can't do what was chosen.
    ImagesNotBuilt
        The steps have to run in their images, and there are none with these models.
    DataUnusable
        The folder can't be written, or another embedded AWS uses it.
    PortTaken, StackNotDeployed
    """
    _require_models(options)
    if options.containers:
        template = images.built_template(options.yolov3_model, options.speech_model, options.detector_precision)
    else:
        template, store = where.files() / "template.yaml", ModelStore()
        for name in (options.yolov3_model, options.speech_model):
            fetch(store, name)
        if options.detector_precision == "int8":
            from avflow.detection import require_int8  # noqa: PLC0415  heavy

            require_int8(options.yolov3_model, store)
    parameters = {
        "Yolov3Model": options.yolov3_model,
        "SpeechModel": options.speech_model,
        "DetectorPrecision": options.detector_precision,
        "OnTruncated": options.on_truncated,
        "MaxRunCost": f"{options.max_run_cost:g}",
        "Isolation": options.isolation,
        "DetectorCompute": "gpu",
        "ShortVideos": options.short_videos,
    }
    parameters |= {choice.parameter: written(getattr(options.choices, choice.field)) for choice in OF_STACK}
    if options.segment_seconds is not None:
        parameters["SegmentSeconds"] = f"{options.segment_seconds:g}"
    with (
        without_users_settings(),
        _folder(data) as folder,
        _embedded_aws(options, folder, listener, port, keep=data is not None) as aws,
        _profile(folder, aws, with_profile) as profile,
    ):
        try:
            outputs = deploy(aws, template, parameters, STACK_NAME)
        except DeployError as error:
            raise StackNotDeployed(f"template.yaml can't be deployed: {error}.") from error
        yield Deployment(aws, outputs["BucketName"], outputs["StateMachineArn"], profile)


@contextmanager
def _profile(folder: Path, aws: LocalAws, wanted: bool) -> Iterator[Profile | None]:
    """A profile for the `aws` command, which is removed at the end of the block."""
    if not wanted:
        yield None
        return
    profile = Profile(folder / "aws", aws.url)
    try:
        profile.write(aws.access_key)
        yield profile
    finally:
        profile.remove()


def _require_models(options: DeploymentOptions) -> None:
    """Refuse a model of the wrong kind, without its engine, or that can't do what was chosen, before anything runs."""
    store = ModelStore()
    store.require(options.yolov3_model, DETECTION)
    store.require(options.speech_model, SPEECH)
    fitting(Chosen(options.choices), options.yolov3_model, options.speech_model, store)
    if not options.containers:  # the images have all engines
        require_engine(options.speech_model, store)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """The folder `data`, or one that is removed at the end of the block."""
    if data is None:
        with session_folder() as folder:
            yield folder
        return
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise DataUnusable(f"{printable(str(data))} can't be written: {error.strerror}.") from error
    yield data


def _embedded_aws(options: DeploymentOptions, folder: Path, listener: Listener, port: int, *, keep: bool) -> LocalAws:
    try:
        return LocalAws(
            where.code(),
            folder,
            port=port,
            on_activity=listener,
            cache_dir=cache_folder("templates"),
            lambda_timeout=options.lambda_timeout,
            lambda_memory=options.lambda_memory,
            lambda_scratch=options.lambda_tmp,
            lambda_concurrency=options.lambda_concurrency,
            containers=options.containers,
            cores=usable_cores(),
            keep=keep,
        )
    except (RuntimeError, sqlite3.DatabaseError) as error:
        raise DataUnusable(f"{printable(str(error))}.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken.of(port) from error
        raise
