"""Names the failure, and writes `result/….error.json` beside where the results would be."""

from __future__ import annotations

import json
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from .failure import error_report_key, explain
from .own_error import own_error

logger = Logger(service="failed")
s3 = boto3.client("s3")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Takes the state machine's data with `error` as Catch left it; returns error, message, text."""
    video, error = event["video"], event["error"]
    failure = explain(error, own_error(s3, video, error))
    report = {
        "schema": 1,
        "video": f"s3://{video['bucket']}/{video['key']}",
        "execution": video["execution"],
        **failure,
    }
    body = json.dumps(report, indent=2, ensure_ascii=False).encode()
    s3.put_object(Bucket=video["bucket"], Key=error_report_key(video["key"]), Body=body, ContentType="application/json")
    logger.error("failed", report=report)
    text = f"{report['video']}\n\n{failure['message']}\n{failure['advice']}\n\nExecution: {video['execution']}\n"
    return {"error": failure["error"], "message": f"{failure['message']} {failure['advice']}", "text": text}
