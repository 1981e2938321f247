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

from .answering import CONFIG, answering
from .ended import data_of
from .failure import error_report_key, explain
from .own_error import is_current, own_error
from .report import ErrorReport
from .results import ERROR_REPORT, settle
from .segments import errors_of

logger = Logger(service="failed", json_serializer=json.dumps)  # ASCII: a name has no control codes in the log
metrics = Metrics("failed", os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "av-workflow"))
s3 = boto3.client("s3", config=CONFIG)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Take the state machine's data with a Catch's `error`, or the event of an execution that ended without one."""
    video, error = data_of(event)
    with answering():
        failure = explain(*own_error(s3, video, errors_of(boto3.client("batch", config=CONFIG), error)))
        report = ErrorReport(1, f"s3://{video['bucket']}/{video['key']}", video["execution"], **failure)
        if is_current(s3, video):  # a newer upload of the same name has its own results or report
            body = json.dumps(asdict(report), indent=2).encode()
            key = error_report_key(video)
            s3.put_object(Bucket=video["bucket"], Key=key, Body=body, ContentType="application/json")
            settle(s3, video["bucket"], key.removesuffix(ERROR_REPORT), video["execution"])
    metrics.add_dimension("error", report.error)
    metrics.add_metric("Failures", MetricUnit.Count, 1)
    logger.error("failed", report=asdict(report))
    return {"error": report.error, "message": f"{report.message} {report.advice}", "text": report.text}
