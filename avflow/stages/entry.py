"""What every entry to a step does around it: logs, metrics, and a named error left behind."""

from __future__ import annotations

import errno
import os
import time
from typing import Any

from avflow.budget import Budget
from avflow.errors import AvflowError, LambdaBudgetExceeded, ScratchFull
from avflow.layout import VideoRef
from avflow.observability import FALLBACK_FROM, count_fallback, count_outcome, count_work, log_progress, logger_for
from avflow.stages.context import RanOn, Stage, StageContext
from avflow.storage import Store


def run_stage(step: str, stage: Stage, video: VideoRef, ran_on: RanOn, budget: Budget) -> dict[str, Any]:
    """Run one step of one video.

    Returns
    -------
    dict
        The step's report, as it also stands in the bucket.

    Raises
    ------
    AvflowError
        The step's own failure. Its name, message and advice are left in the bucket for the failure
        report: of a Batch job, Step Functions passes on only an exit code.
    """
    logger = logger_for(step, video)
    store = Store(video.bucket)
    context = StageContext(store, ran_on, budget, log_progress(logger), dict(os.environ))
    logger.info("started", ran_on=ran_on)
    came_from = context.settings.get(FALLBACK_FROM)
    if came_from and context.settings.get("AWS_BATCH_JOB_ATTEMPT", "1") == "1":
        count_fallback(step, came_from)
    started = time.monotonic()
    try:
        result = _within_lambdas_means(stage, video, context)
    except Exception as error:
        if isinstance(error, AvflowError):
            logger.warning("failed", failure=error.to_dict())
            if not isinstance(error, LambdaBudgetExceeded):  # that one is no failure: Batch takes over
                store.write_json(video.step_error_json(step), {**error.to_dict(), "exit_code": error.exit_code})
        else:
            logger.exception("failed")
        count_outcome(step, ran_on, time.monotonic() - started, error)
        raise
    logger.info("succeeded", step=result.get("step"))
    count_outcome(step, ran_on, time.monotonic() - started, None)
    count_work(step, result)
    return result


def _within_lambdas_means(stage: Stage, video: VideoRef, context: StageContext) -> dict[str, Any]:
    """A full /tmp or memory on Lambda is no failure of the video's: Batch has more of both."""
    try:
        return stage(video, context)
    except (OSError, MemoryError, ScratchFull) as error:
        full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM)
        if context.ran_on == "lambda" and full:
            raise LambdaBudgetExceeded(f"{video.filename} does not fit into Lambda: {error}") from error
        raise
