"""Lambda function that checks the deployed YOLOv3 image. A function has no GPU, so its engine is that of a CPU."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take any event. Return what `avflow.workflow.selftest.self_test` finds; its lines are in the log."""
    from avflow.workflow.selftest import self_test  # noqa: PLC0415 - slow to load, so the function starts first

    return self_test()
