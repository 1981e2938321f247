"""Structured logs and metrics, the same from Lambda and from Batch (Powertools for AWS Lambda)."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from avflow.errors import AvflowError
from avflow.layout import VideoRef
from avflow.progress import Progress, Report

NAMESPACE = "av-workflow"


def logger_for(step: str, video: VideoRef) -> Logger:
    """A logger whose every line names the execution and the video."""
    logger = Logger(service=step)
    logger.append_keys(execution=video.execution, video=f"s3://{video.bucket}/{video.key}")
    return logger


def log_progress(logger: Logger) -> Report:
    """A report that writes a log line; the embedded AWS draws its bars from them."""

    def report(progress: Progress) -> None:
        logger.info("progress", progress=progress.to_dict())

    return report


def count_outcome(step: str, ran_on: str, error: Exception | None) -> None:
    """One CloudWatch metric per step that ended (embedded metric format, a line on stdout)."""
    metrics = Metrics(namespace=NAMESPACE, service=step)
    metrics.add_dimension(name="ran_on", value=ran_on)
    if error is None:
        metrics.add_metric(name="StepSucceeded", unit=MetricUnit.Count, value=1)
    else:
        name = error.name if isinstance(error, AvflowError) else type(error).__name__
        metrics.add_dimension(name="error", value=name)
        metrics.add_metric(name="StepFailed", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
