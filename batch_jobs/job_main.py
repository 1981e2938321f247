"""A step's Batch job: argv holds the video as JSON, the exit status names the class of failure.

Which part of the video it is to work on is told by argv, or to the child of an array job by AWS Batch.
"""

from __future__ import annotations

import json
import os
import sys

from avflow.errors import AvflowError
from avflow.workflow.budget import Budget
from avflow.workflow.context import Step
from avflow.workflow.entry import run_step
from avflow.workflow.layout import VideoRef
from avflow.workflow.settings import ARRAY_INDEX


def job_main(step: str, work: Step, argv: list[str]) -> int:
    """Run `work` and return the exit status: 0, or the error's own (sysexits.h; 75 is retried by Batch)."""
    try:
        video = VideoRef.from_dict(json.loads(argv[1]))
        part = argv[2] if len(argv) > 2 else os.environ.get(ARRAY_INDEX)
        number = None if part is None else int(part)
    except (IndexError, KeyError, ValueError):
        usage = f'python -m batch_jobs.{step}.job \'{{"bucket": …, "key": …, "execution": …}}\' [part]'
        print(f"usage: {usage}", file=sys.stderr)
        return os.EX_USAGE
    try:
        run_step(step, work, video, "batch", Budget(), part=number)
    except AvflowError as error:
        print(f"{error.name}: {error.message}", file=sys.stderr)
        return error.exit_code
    return os.EX_OK
