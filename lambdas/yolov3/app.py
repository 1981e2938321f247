"""The YOLOv3 step on one segment of a short video. Without a video, the self-test of the deployed image.

One function does both, because each function with an image has a repository of its own, and this image is large.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from avflow.workflow import yolov3
from lambdas.step_handler import lambda_handler
from lambdas.yolov3_selftest.app import handler as self_test

_step = lambda_handler("yolov3", yolov3.run)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Detect on the segment `event["part"]` of `event["video"]`, or take any other event for the self-test."""
    return _step(event, context) if "video" in event else self_test(event, context)
