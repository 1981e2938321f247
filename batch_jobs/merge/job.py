"""merge on Batch."""

import sys

from avflow.stages import merge
from batch_jobs.entry import job_main

if __name__ == "__main__":
    sys.exit(job_main("merge", merge.run, sys.argv))
