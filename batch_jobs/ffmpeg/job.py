"""The FFmpeg step on Batch."""

import sys

from avflow.workflow import ffmpeg
from batch_jobs.job_main import job_main

if __name__ == "__main__":
    sys.exit(job_main("ffmpeg", ffmpeg.run, sys.argv))
