"""A step's Batch job: argv holds the video as JSON, the exit status names the class of failure."""

from __future__ import annotations

import json
import sys

from avflow.budget import Budget
from avflow.errors import AvflowError
from avflow.layout import VideoRef
from avflow.stages.context import Stage
from avflow.stages.entry import run_stage

EX_USAGE = 64


def job_main(step: str, stage: Stage, argv: list[str]) -> int:
    """Run `stage` and return the exit status: 0, or the error's own (sysexits.h; 75 is retried by Batch)."""
    try:
        video = VideoRef.from_dict(json.loads(argv[1]))
    except (IndexError, KeyError, ValueError):
        print(f'usage: python -m batch_jobs.{step}.job \'{{"bucket": …, "key": …, "execution": …}}\'', file=sys.stderr)
        return EX_USAGE
    try:
        run_stage(step, stage, video, "batch", Budget())
    except AvflowError as error:
        print(f"{error.name}: {error.message}", file=sys.stderr)
        return error.exit_code
    return 0
