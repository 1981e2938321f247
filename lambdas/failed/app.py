"""Explain a failure, and write the error report `result/….error.json` in place of the results."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from .answering import CONFIG
from .ended import data_of
from .writing import write_report

logger = Logger(service="failed", json_serializer=json.dumps)  # ASCII: a name has no control codes in the log
metrics = Metrics("failed", os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "av-workflow"))
s3 = boto3.client("s3", config=CONFIG)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Take the state machine's data with a Catch's `error`, or the event of an execution that ended without one."""
    report = write_report(s3, *data_of(event))
    metrics.add_dimension("error", report.error)
    metrics.add_metric("Failures", MetricUnit.Count, 1)
    logger.error("failed", report=asdict(report))
    return {"error": report.error, "message": f"{report.message} {report.advice}", "text": report.text}
