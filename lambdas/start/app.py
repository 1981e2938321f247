"""Starts one execution for one version of one uploaded video.

S3 delivers events to EventBridge at least once (Amazon S3 User Guide, "Using EventBridge").
The execution's name is made from the event's object alone, so a second delivery finds the first.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import PurePosixPath
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

#: what Step Functions takes as a name ("StartExecution"): 80 characters, and only these are safe everywhere
NAME_LENGTH = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")

logger = Logger(service="start")
states = boto3.client("stepfunctions")


def execution_name(filename: str, version: str) -> str:
    """`my_video-mkv-1f0c9a6b3d2e`: readable in the console, one for one version of one object."""
    digest = hashlib.sha256(version.encode()).hexdigest()[:16]
    readable = _UNSAFE.sub("-", filename).strip("-")[: NAME_LENGTH - len(digest) - 1]
    return f"{readable}-{digest}".lstrip("-")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an EventBridge "Object Created" event; keys in it are not URL-encoded."""
    bucket, found = event["detail"]["bucket"]["name"], event["detail"]["object"]
    key = found["key"]
    if key.endswith("/"):  # a "folder" that the S3 console made
        logger.info("no video", key=key)
        return {"started": False}
    version = found.get("version-id") or found.get("etag", "") + found.get("sequencer", "")
    name = execution_name(PurePosixPath(key).name, json.dumps([bucket, key, version]))
    video = {"bucket": bucket, "key": key, "execution": name, "version_id": found.get("version-id")}
    video["size"] = found.get("size")
    try:
        states.start_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=name, input=json.dumps({"video": video})
        )
    except states.exceptions.ExecutionAlreadyExists:
        logger.info("already started", execution=name, key=key)
        return {"started": False, "execution": name}
    logger.info("started", execution=name, key=key)
    return {"started": True, "execution": name}
