"""A step's Batch job. argv has the video as JSON; the exit status tells the kind of failure.

The number of the segment or span comes from argv, or from AWS Batch for a child of an array job.
"""

from __future__ import annotations

import json
import os
import sys

from avflow.errors import AvflowError
from avflow.filenames import PrintableStream
from avflow.workflow.budget import Budget
from avflow.workflow.context import Step
from avflow.workflow.entry import run_step
from avflow.workflow.layout import VideoRef
from avflow.workflow.settings import ARRAY_INDEX


def job_main(step: str, work: Step, argv: list[str]) -> int:
    """Run `work` and return the exit status: 0, or the error's (sysexits.h). Batch tries again after 75.

    From now on nothing on standard error, not even a traceback, has control codes from a name.
    """
    if not isinstance(sys.stderr, PrintableStream):
        sys.stderr = PrintableStream(sys.stderr)
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
