"""A step's Lambda handler. The event has the video and the part, the context has the remaining time.

The budget that it makes of the remaining time lets a step move to Batch before Lambda ends it: see
`avflow.workflow.entry`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from avflow.workflow.budget import Budget
from avflow.workflow.context import Step
from avflow.workflow.entry import run_step
from avflow.workflow.layout import VideoRef

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def lambda_handler(step: str, work: Step) -> Handler:
    """The handler that runs `work` within Lambda's budget. Step Functions sees an exception by its class's name."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        video = VideoRef.from_dict(event["video"])
        budget = Budget.of_lambda(context.get_remaining_time_in_millis())
        return {"step": run_step(step, work, video, "lambda", budget, part=event.get("part")).step.to_dict()}

    return _traced(step, handler)


def _traced(step: str, handler: Handler) -> Handler:
    """The handler with X-Ray traces of its requests to S3, only on Lambda: elsewhere nothing collects traces.

    X-Ray's SDK is slow to load. It patches only botocore, because it loads every installed library that it patches.
    """
    if "LAMBDA_TASK_ROOT" not in os.environ:
        return handler
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - loads X-Ray's SDK

    traced: Handler = Tracer(service=step, patch_modules=["botocore"]).capture_lambda_handler(handler)
    return traced
