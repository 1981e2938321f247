"""Run one step, on Lambda or on Batch, with its settings, logs, metrics and the report of its error.

How a Lambda's time-out becomes a Batch job:

1. A `Budget` (`avflow.workflow.budget`) raises LambdaBudgetExceeded early if the step's pace shows that Lambda's time
   will not suffice, or if the sizes of the files show that /tmp will not.
2. `run_step` raises the same error if /tmp or the memory is full. It leaves no error in the bucket for it.
3. The Catch of the step's state in statemachine/av_workflow.asl.yaml takes LambdaBudgetExceeded to the state
   `...OnBatch`, which runs the same step as a Batch job. The same Catch takes a time-out that nobody predicted:
   Sandbox.Timedout, Lambda.Unknown or States.Timeout.

Work that clearly exceeds Lambda goes to Batch directly: see `avflow.workflow.plan`.
"""

from __future__ import annotations

import errno
import time

from avflow.errors import DISK_FULL, AvflowError, LambdaBudgetExceeded, MemoryExhausted, ScratchFull
from avflow.workflow.budget import Budget
from avflow.workflow.context import Step, StepContext, StepReport
from avflow.workflow.layout import VideoRef
from avflow.workflow.observability import count_fallback, count_outcome, count_work, log_progress, logger_for
from avflow.workflow.reports import RanOn, SegmentReport, StepError
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore

#: no space, a quota, a limit of the file size, no memory: Batch has more of them
_FULL = (*DISK_FULL, errno.ENOMEM)
#: what Python's tempfile says, as "file not found", if no folder for temporary files takes a byte
_NO_FOLDER = "No usable temporary directory"


def run_step(
    step: str, work: Step, video: VideoRef, ran_on: RanOn, budget: Budget, *, part: int | None = None
) -> StepReport:
    """Run one step of one video.

    Parameters
    ----------
    part:
        The segment or span that the step works on. None for a step that is not divided.

    Raises
    ------
    AvflowError
        The step's own failure. The bucket keeps its name, message and advice for the error report, because Step
        Functions receives no more than an exit code from a Batch job.
    """
    logger = logger_for(step, video)
    store = ObjectStore(video.bucket)
    started = time.monotonic()
    try:
        settings = Settings.from_environ()
        if part is not None:
            logger.append_keys(part=part)
        if settings.job_id is not None:
            logger.append_keys(job=settings.job_id, attempt=str(settings.job_attempt))
        logger.info("started", ran_on=ran_on)
        if settings.fallback_from and settings.is_first_try:
            count_fallback(step, settings.fallback_from)
        context = StepContext(store, ran_on, budget, log_progress(logger), settings, part or 0)
        report = _run_or_move_to_batch(work, video, context)
    except Exception as error:
        if isinstance(error, AvflowError):
            logger.warning("failed", failure=error.to_dict())
            if not isinstance(error, LambdaBudgetExceeded):  # not a failure: Batch takes over
                left = StepError(error.name, error.message, error.advice, error.exit_code, part or 0)
                try:
                    store.write(video.step_error_json(step), left)
                except Exception:  # the name of what went wrong first must not get lost
                    logger.exception("the error could not be stored")
        else:
            logger.exception("failed")
        count_outcome(step, ran_on, time.monotonic() - started, error)
        raise
    if isinstance(report, SegmentReport) and report.source:
        logger.append_keys(source=report.source.to_dict())
    logger.info("succeeded", step=report.step.to_dict())
    count_outcome(step, ran_on, time.monotonic() - started, None)
    count_work(report)
    return report


def _run_or_move_to_batch(work: Step, video: VideoRef, context: StepContext) -> StepReport:
    """Do the work. A full /tmp or memory on Lambda raises LambdaBudgetExceeded: Batch has more of both."""
    try:
        return work(video, context)
    except (OSError, MemoryError, ScratchFull) as error:
        full = not isinstance(error, OSError) or error.errno in _FULL or _NO_FOLDER in str(error)
        if context.ran_on == "lambda" and full:
            raise LambdaBudgetExceeded(f"{video.shown_name} does not fit into Lambda: {error}") from error
        if context.ran_on == "lambda" and type(error) is OSError:
            # the state machine takes this name, with which Lambda itself reports a full /tmp, for a full disk
            raise RuntimeError(f"{video.shown_name}: {error}") from error
        if full and not isinstance(error, AvflowError):
            raise _named(error, video) from error
        raise


def _named(error: OSError | MemoryError, video: VideoRef) -> AvflowError:
    """The error by which a job fails whose disk or memory is full. A bare OSError would say no more than JobFailed."""
    if isinstance(error, OSError) and error.errno != errno.ENOMEM:
        return ScratchFull(f"no space is left in the scratch folder for {video.shown_name}: {error.strerror}")
    return MemoryExhausted(f"{video.shown_name} needs more memory than there is: {error}")
