"""Write the error report of a failed execution in place of its results."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import boto3

from .answering import CONFIG, answering
from .failure import error_report_key, explain
from .own_error import is_current, own_error
from .report import ErrorReport
from .results import ERROR_REPORT, settle
from .segments import errors_of


def write_report(s3: Any, video: dict[str, Any], error: dict[str, str]) -> ErrorReport:
    """Write the report of an error of Step Functions, and return it.

    A newer upload of the same name has its own results or report, and keeps them.

    Raises
    ------
    StorageUnavailable
        S3 did not answer. The state machine tries again.
    """
    with answering():
        failure = explain(*own_error(s3, video, errors_of(boto3.client("batch", config=CONFIG), error)))
        report = ErrorReport(1, f"s3://{video['bucket']}/{video['key']}", video["execution"], **failure)
        if is_current(s3, video):
            body = json.dumps(asdict(report), indent=2).encode()
            key = error_report_key(video)
            s3.put_object(Bucket=video["bucket"], Key=key, Body=body, ContentType="application/json")
            settle(s3, video["bucket"], key.removesuffix(ERROR_REPORT), video["execution"])
    return report
