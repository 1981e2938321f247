"""ffmpeg on Batch."""

import sys

from avflow.stages import ffmpeg
from batch_jobs.entry import job_main

if __name__ == "__main__":
    sys.exit(job_main("ffmpeg", ffmpeg.run, sys.argv))
