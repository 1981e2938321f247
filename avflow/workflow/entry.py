"""What every entry to a step does around it: logs, metrics, and a named error left behind."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from typing import Any

from avflow.errors import AvflowError, LambdaBudgetExceeded, ScratchFull
from avflow.workflow.budget import Budget
from avflow.workflow.context import RanOn, Step, StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.observability import (
    FALLBACK_FROM,
    count_fallback,
    count_outcome,
    count_work,
    log_progress,
    logger_for,
)
from avflow.workflow.storage import ObjectStore

#: set by AWS Batch (User Guide, "Job environment variables"): the job's id, its attempt, and of an array job the child
JOB_ID = "AWS_BATCH_JOB_ID"
JOB_ATTEMPT = "AWS_BATCH_JOB_ATTEMPT"
ARRAY_INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"


def run_step(
    step: str, work: Step, video: VideoRef, ran_on: RanOn, budget: Budget, *, part: int | None = None
) -> dict[str, Any]:
    """Run one step of one video.

    Parameters
    ----------
    part:
        The segment or span that the step is to work on; None for a step that is not divided.

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
    settings = dict(os.environ)
    if part is not None:
        logger.append_keys(part=part)
    if JOB_ID in settings:
        logger.append_keys(job=settings[JOB_ID], attempt=settings.get(JOB_ATTEMPT))
    store = ObjectStore(video.bucket)
    context = StepContext(store, ran_on, budget, log_progress(logger), settings, part or 0)
    logger.info("started", ran_on=ran_on)
    if FALLBACK_FROM in settings and _is_first(settings):
        count_fallback(step, settings[FALLBACK_FROM])
    started = time.monotonic()
    try:
        result = _within_lambdas_means(work, video, context)
    except Exception as error:
        if isinstance(error, AvflowError):
            logger.warning("failed", failure=error.to_dict())
            if not isinstance(error, LambdaBudgetExceeded):  # that one is no failure: Batch takes over
                left = {**error.to_dict(), "exit_code": error.exit_code, "part": context.part}
                store.write_json(video.step_error_json(step), left)
        else:
            logger.exception("failed")
        count_outcome(step, ran_on, time.monotonic() - started, error)
        raise
    logger.info("succeeded", step=result.get("step"))
    count_outcome(step, ran_on, time.monotonic() - started, None)
    count_work(step, result)
    return result


def _is_first(settings: Mapping[str, str]) -> bool:
    """Whether this is a job's first attempt, and of an array its first child: a fallback is counted once."""
    return settings.get(JOB_ATTEMPT, "1") == "1" and settings.get(ARRAY_INDEX, "0") == "0"


def _within_lambdas_means(work: Step, video: VideoRef, context: StepContext) -> dict[str, Any]:
    """A full /tmp or memory on Lambda is no failure of the video's: Batch has more of both."""
    try:
        return work(video, context)
    except (OSError, MemoryError, ScratchFull) as error:
        full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM)
        if context.ran_on == "lambda" and full:
            raise LambdaBudgetExceeded(f"{video.filename} does not fit into Lambda: {error}") from error
        raise
