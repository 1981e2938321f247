"""Structured logs and metrics, the same on Lambda and on Batch (Powertools for AWS Lambda).

Metrics are lines on stdout in CloudWatch's embedded metric format. CloudWatch Logs turns them into metrics in every
log group, also in a Batch job's (CloudWatch User Guide, "Embedded metric format"). docs/deploy.md lists them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from avflow.errors import AvflowError
from avflow.filenames import printable_json
from avflow.progress import Progress, Report
from avflow.workflow.context import StepReport
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MergeReport, SegmentReport

#: namespace of the metrics unless POWERTOOLS_METRICS_NAMESPACE names one: on AWS the stack's, to separate two stacks
NAMESPACE = "av-workflow"


def logger_for(step: str, video: VideoRef) -> Logger:
    """A logger that adds the execution and the video to every line."""
    logger = Logger(service=step, json_serializer=_line)
    logger.append_keys(execution=video.execution, video=f"s3://{video.bucket}/{video.key}")
    return logger


def _line(fields: Mapping[str, Any]) -> str:
    """A log line as JSON. JSON escapes only C0 codes; a name may hold others that a terminal obeys."""
    return printable_json(json.dumps(fields, default=str, separators=(",", ":"), ensure_ascii=False))


def log_progress(logger: Logger) -> Report:
    """A report that writes a log line after each advance. The `avflow` command draws its progress bars from them."""
    logged = None

    def report(progress: Progress) -> None:
        nonlocal logged
        if progress.total is not None and logged != (progress.step, progress.done):
            logged = (progress.step, progress.done)
            logger.info("progress", progress=progress.to_dict())

    return report


def log_gpu(step: str, video: VideoRef, facts: str) -> None:
    """A log line about the GPU, its driver and CUDA."""
    logger_for(step, video).info("gpu", gpu=facts)


def count_fallback(step: str, came_from: str) -> None:
    """`Fallbacks` {came_from}: a step began on its second or third choice of compute."""
    _emit(step, {"came_from": came_from}, {"Fallbacks": (MetricUnit.Count, 1)})


def count_outcome(step: str, ran_on: str, seconds: float, error: Exception | None) -> None:
    """`StepSeconds` {ran_on}, and `StepSucceeded` {ran_on} or `StepFailed` {ran_on, error}."""
    succeeded = {"StepSucceeded": (MetricUnit.Count, 1.0)} if error is None else {}
    _emit(step, {"ran_on": ran_on}, {"StepSeconds": (MetricUnit.Seconds, seconds), **succeeded})
    if error is not None:
        name = error.name if isinstance(error, AvflowError) else type(error).__name__
        _emit(step, {"ran_on": ran_on, "error": name}, {"StepFailed": (MetricUnit.Count, 1)})


def count_work(report: StepReport) -> None:
    """The finished work: `Frames` annotated, `Videos` and `MediaSeconds` published."""
    if isinstance(report, SegmentReport):
        _emit("yolov3", {}, {"Frames": (MetricUnit.Count, report.frames)})
    if isinstance(report, MergeReport):
        seconds = report.input.duration
        _emit("merge", {}, {"Videos": (MetricUnit.Count, 1), "MediaSeconds": (MetricUnit.Seconds, seconds)})


def _emit(step: str, dimensions: Mapping[str, str], values: Mapping[str, tuple[MetricUnit, float]]) -> None:
    """Write one line in the embedded metric format. The step is the dimension `service`."""
    metrics = EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE), service=step)
    for name, value in dimensions.items():
        metrics.add_dimension(name=name, value=value)
    for name, (unit, amount) in values.items():
        metrics.add_metric(name=name, unit=unit, value=amount)
    metrics.flush_metrics()
