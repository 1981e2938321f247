"""The YOLOv3 step on one segment of a short video. Without a video, the self-test of the deployed image.

One function does both, because each function with an image has a repository of its own, and this image is large.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.step_handler import Handler, lambda_handler
from lambdas.yolov3_selftest.app import handler as self_test


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Detect on the segment `event["part"]` of `event["video"]`, or take any other event for the self-test."""
    if not isinstance(event, dict) or "video" not in event:
        return self_test(event, context)
    return _step()(event, context)


@cache
def _step() -> Handler:
    """The step, loaded when the first video comes."""
    from avflow.workflow import yolov3  # noqa: PLC0415 - slow to load, so the function starts first

    return lambda_handler("yolov3", yolov3.run)
