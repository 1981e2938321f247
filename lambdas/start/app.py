"""Claim the names of results for an uploaded video, and start one execution for each of its versions.

S3 delivers events to EventBridge at least once (Amazon S3 User Guide, "Using EventBridge"). The execution's name
depends only on the event's object, so a second delivery finds the execution of the first.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from .claims import CONFIG, claim
from .naming import video_of

logger = Logger(service="start", json_serializer=json.dumps)  # ASCII: a name has no control codes in the log
metrics = Metrics("start", os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "av-workflow"))
states, s3 = boto3.client("stepfunctions", config=CONFIG), boto3.client("s3", config=CONFIG)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take an EventBridge "Object Created" event."""
    video = video_of(event)
    try:
        if started := not video["key"].endswith("/"):  # a "folder" of the S3 console is not a video
            named = {**video, "base": claim(s3, video["bucket"], video["key"])}
            machine = os.environ["STATE_MACHINE_ARN"]
            states.start_execution(stateMachineArn=machine, name=video["execution"], input=json.dumps({"video": named}))
    except states.exceptions.ExecutionAlreadyExists:
        started = False
    metrics.add_metric("VideosStarted" if started else "EventsIgnored", MetricUnit.Count, 1)
    logger.info("started" if started else "nothing to start", execution=video["execution"], key=video["key"])
    return {"started": started, "execution": video["execution"]}
