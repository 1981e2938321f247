"""Lambda function that checks the deployed YOLOv3 image."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take any event. Return the model with its checksums, the engine, boxes (pixels) and durations (seconds)."""
    from lambdas.yolov3_selftest.selftest import run  # noqa: PLC0415 - slow to load, so the function starts first

    return run()
