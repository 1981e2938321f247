"""What the environment sets for a step, read once at its entry, with each default and limit.

`template.yaml` sets these variables from its parameters, which have the same defaults and limits; a test compares both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from avflow import speech
from avflow.errors import SettingInvalid
from avflow.workflow.compute import Compute, compute

if TYPE_CHECKING:  # with OpenCV, which only the detector needs
    from avflow.detection.opening import Precision

YOLOV3_MODEL = "yolov3"
#: set by AWS Batch for the child of an array job (User Guide, "Array jobs")
ARRAY_INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"
#: the values of `avflow.detection.opening.Precision`
PRECISIONS = ("fastest", "fp32", "int8")


@dataclass(frozen=True)
class Limits:
    """The least and the greatest value of a number, both allowed."""

    least: float
    most: float


SEGMENT_SECONDS = Limits(1, 86_400)
MAX_SEGMENTS = Limits(1, 1_000)
#: a chunk at least: avflow/speech/chunks.py
SPEECH_SPAN_SECONDS = Limits(150, 3_600)
#: as many as an inline Map runs at once
MAX_SPANS = Limits(1, 40)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one step. Without arguments: those of a deployment that changes nothing."""

    #: names of models in avflow/models/models.toml
    speech_model: str = speech.DEFAULT_MODEL
    yolov3_model: str = YOLOV3_MODEL
    detector_precision: Precision = "fastest"
    #: seconds of video for one YOLOv3 job, and most jobs for one video
    segment_seconds: float = 600.0
    max_segments: int = 16
    #: seconds of audio that are recognised in one piece, and most pieces of one video
    speech_span_seconds: float = 600.0
    max_spans: int = 8
    #: None where the environment doesn't tell
    compute: Compute | None = None
    #: whether this job was given, and so pays for, a GPU
    has_gpu: bool = False
    #: what could not do this work before: lambda, spot or gpu
    fallback_from: str | None = None
    #: id and attempt of the Batch job, and its index in an array job
    job_id: str | None = None
    job_attempt: int = 1
    array_index: int | None = None
    #: False where AWS is embedded
    on_aws: bool = True

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment of a Lambda function or a Batch job. An empty variable counts as not set.

        Raises
        ------
        SettingInvalid
            A variable is no number, lies outside its limits, or is none of its choices.
        """
        environ = {name: value for name, value in environ.items() if value}
        index = environ.get(ARRAY_INDEX)
        return cls(
            speech_model=environ.get("SPEECH_MODEL", cls.speech_model),
            yolov3_model=environ.get("YOLOV3_MODEL", cls.yolov3_model),
            detector_precision=_precision(environ),
            segment_seconds=_number(environ, "SEGMENT_SECONDS", cls.segment_seconds, SEGMENT_SECONDS),
            max_segments=int(_number(environ, "MAX_SEGMENTS", cls.max_segments, MAX_SEGMENTS)),
            speech_span_seconds=_number(environ, "SPEECH_SPAN_SECONDS", cls.speech_span_seconds, SPEECH_SPAN_SECONDS),
            max_spans=int(_number(environ, "MAX_SPANS", cls.max_spans, MAX_SPANS)),
            compute=compute(environ),
            # ECS names the GPUs of a container by their ids (Amazon ECS Developer Guide, "Use GPUs on Amazon ECS")
            has_gpu=environ.get("NVIDIA_VISIBLE_DEVICES", "").startswith("GPU-"),
            fallback_from=environ.get("FALLBACK_FROM"),
            # set by AWS Batch (User Guide, "Job environment variables")
            job_id=environ.get("AWS_BATCH_JOB_ID"),
            job_attempt=int(environ.get("AWS_BATCH_JOB_ATTEMPT", cls.job_attempt)),
            array_index=None if index is None else int(index),
            on_aws="AWS_ENDPOINT_URL" not in environ,  # which an embedded AWS is reached by
        )


def _precision(environ: Mapping[str, str]) -> Precision:
    value = environ.get("DETECTOR_PRECISION", Settings.detector_precision)
    if value not in PRECISIONS:
        raise SettingInvalid(f"DETECTOR_PRECISION is {value!r}; it must be one of {', '.join(PRECISIONS)}")
    return cast("Precision", value)


def _number(environ: Mapping[str, str], name: str, default: float, limits: Limits) -> float:
    text = environ.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not limits.least <= value <= limits.most:
        raise SettingInvalid(f"{name} is {text!r}; it must be a number from {limits.least:g} to {limits.most:g}")
    return value
