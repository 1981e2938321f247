"""The Merge step on Batch."""

import sys

from avflow.workflow import merge
from batch_jobs.job_main import job_main

if __name__ == "__main__":
    sys.exit(job_main("merge", merge.run, sys.argv))
