"""The audio2srt step on Batch."""

import sys

from avflow.workflow import audio2srt
from batch_jobs.job_main import job_main

if __name__ == "__main__":
    sys.exit(job_main("audio2srt", audio2srt.run, sys.argv))
