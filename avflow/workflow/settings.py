"""The settings of a step from its environment variables, with all defaults and limits. Read once, at the step's entry.

`template.yaml` sets these variables from its parameters, with the same defaults and limits. A test compares both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from avflow import speech
from avflow.choices import Choices
from avflow.errors import SettingInvalid
from avflow.models.kinds import PRECISIONS, Precision
from avflow.results.names import OUTPUTS, outputs_of
from avflow.workflow import choosing
from avflow.workflow.compute import Compute, compute

YOLOV3_MODEL = "yolov3"
#: AWS Batch sets it for a child of an array job (User Guide, "Array jobs")
ARRAY_INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest allowed value of a number."""

    least: float
    most: float


OnTruncated = Literal["process", "fail"]
ON_TRUNCATED = get_args(OnTruncated)
Isolated = Literal["best", "required"]
ISOLATION = get_args(Isolated)
SEGMENT_SECONDS = Limits(1, 86_400)
MAX_SEGMENTS = Limits(1, 1_000)
#: at least one chunk (avflow/speech/chunks.py)
SPEECH_SPAN_SECONDS = Limits(150, 3_600)
#: US dollars
MAX_RUN_COST = Limits(0.01, 100_000)
DetectorCompute = Literal["gpu", "cpu", "gpu-then-cpu"]
DETECTOR_COMPUTE = get_args(DetectorCompute)
#: at most what an inline Map runs at once
MAX_SPANS = Limits(1, 40)
ShortVideos = Literal["batch", "lambda"]
SHORT_VIDEOS = get_args(ShortVideos)
#: MB. One vCPU at least, so that the detector is not throttled to a share of one; at most what Lambda has
SHORT_VIDEOS_MEMORY = Limits(1769, 10_240)
#: at most what an inline Map runs at once
MAX_SHORT_VIDEO_FUNCTIONS = Limits(1, 40)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one step. The defaults are those of a deployment without parameters."""

    #: names of models in avflow/models/models.toml
    speech_model: str = speech.DEFAULT_MODEL
    yolov3_model: str = YOLOV3_MODEL
    #: what the stack chooses for all uploads. Only the FFmpeg step has it: the others take it from `media.json`
    choices: Choices = field(default_factory=Choices)
    #: the results that are wanted (`avflow.results.names.OUTPUTS`); `ALWAYS` are among them
    outputs: tuple[str, ...] = OUTPUTS
    detector_precision: Precision = "fastest"
    #: what to do with a file that is cut
    on_truncated: OnTruncated = "process"
    #: seconds of video per segment (one YOLOv3 job each), and the most segments of one video
    segment_seconds: float = 600.0
    max_segments: int = 16
    #: seconds of audio per span, and the most spans of one video
    speech_span_seconds: float = 600.0
    max_spans: int = 8
    #: US dollars that a run may cost by the estimate after the probe
    max_run_cost: float = 20.0
    #: where YOLOv3 runs, for this estimate
    detector_compute: DetectorCompute = "gpu"
    #: "lambda": YOLOv3 runs there if the plan predicts that it is done before a GPU instance would have started
    short_videos: ShortVideos = "batch"
    #: MB of memory of these functions, and the most that detect one video
    short_videos_memory: int = 3008
    max_short_video_functions: int = 8
    #: "required": refuse to work on media where the system can't isolate it completely
    isolation: Isolated = "best"
    #: None if the environment does not tell it
    compute: Compute | None = None
    #: whether this job has, and so pays for, a GPU
    has_gpu: bool = False
    #: where this work could not be done before: lambda, spot or gpu
    fallback_from: str | None = None
    #: id and attempt of the Batch job, and its index in an array job
    job_id: str | None = None
    job_attempt: int = 1
    array_index: int | None = None
    #: False with the embedded AWS
    on_aws: bool = True

    @property
    def is_first_try(self) -> bool:
        """Whether this is a job's first attempt, and the first child of an array job. A fallback counts once."""
        return self.job_attempt == 1 and not self.array_index

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment of a Lambda function or a Batch job. An empty variable counts as not set.

        Raises
        ------
        SettingInvalid
            A variable is not a number, lies outside its limits, or is not one of its choices.
        """
        environ = {name: value for name, value in environ.items() if value}
        index = environ.get(ARRAY_INDEX)
        return cls(
            speech_model=environ.get("SPEECH_MODEL", cls.speech_model),
            yolov3_model=environ.get("YOLOV3_MODEL", cls.yolov3_model),
            choices=choosing.of_stack(environ),
            outputs=_outputs(environ),
            detector_precision=cast(
                Precision, _choice(environ, "DETECTOR_PRECISION", cls.detector_precision, PRECISIONS)
            ),
            on_truncated=cast(OnTruncated, _choice(environ, "ON_TRUNCATED", cls.on_truncated, ON_TRUNCATED)),
            segment_seconds=_number(environ, "SEGMENT_SECONDS", cls.segment_seconds, SEGMENT_SECONDS),
            max_segments=int(_number(environ, "MAX_SEGMENTS", cls.max_segments, MAX_SEGMENTS)),
            speech_span_seconds=_number(environ, "SPEECH_SPAN_SECONDS", cls.speech_span_seconds, SPEECH_SPAN_SECONDS),
            max_spans=int(_number(environ, "MAX_SPANS", cls.max_spans, MAX_SPANS)),
            max_run_cost=_number(environ, "MAX_RUN_COST", cls.max_run_cost, MAX_RUN_COST),
            detector_compute=cast(
                DetectorCompute, _choice(environ, "DETECTOR_COMPUTE", cls.detector_compute, DETECTOR_COMPUTE)
            ),
            short_videos=cast(ShortVideos, _choice(environ, "SHORT_VIDEOS", cls.short_videos, SHORT_VIDEOS)),
            short_videos_memory=int(
                _number(environ, "SHORT_VIDEOS_MEMORY", cls.short_videos_memory, SHORT_VIDEOS_MEMORY)
            ),
            max_short_video_functions=int(
                _number(environ, "MAX_SHORT_VIDEO_FUNCTIONS", cls.max_short_video_functions, MAX_SHORT_VIDEO_FUNCTIONS)
            ),
            isolation=cast(Isolated, _choice(environ, "ISOLATION", cls.isolation, ISOLATION)),
            compute=compute(environ),
            # ECS names the GPUs of a container by their ids (Amazon ECS Developer Guide, "Use GPUs on Amazon ECS")
            has_gpu=environ.get("NVIDIA_VISIBLE_DEVICES", "").startswith("GPU-"),
            fallback_from=environ.get("FALLBACK_FROM"),
            # set by AWS Batch (User Guide, "Job environment variables")
            job_id=environ.get("AWS_BATCH_JOB_ID"),
            job_attempt=int(environ.get("AWS_BATCH_JOB_ATTEMPT", cls.job_attempt)),
            array_index=None if index is None else int(index),
            on_aws="AWS_ENDPOINT_URL" not in environ,  # only the embedded AWS needs it
        )


def _choice(environ: Mapping[str, str], name: str, default: str, choices: Sequence[str]) -> str:
    value = environ.get(name, default)
    if value not in choices:
        raise SettingInvalid(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
    return value


def _outputs(environ: Mapping[str, str]) -> tuple[str, ...]:
    value = environ.get("OUTPUTS")
    if value is None:
        return Settings.outputs
    try:
        return outputs_of(value)
    except ValueError as error:
        raise SettingInvalid(f"OUTPUTS is {value!r}; {error}") from None


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
