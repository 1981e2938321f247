"""The YOLOv3 step on Batch."""

import sys

from avflow.workflow import yolov3
from batch_jobs.job_main import job_main

if __name__ == "__main__":
    sys.exit(job_main("yolov3", yolov3.run, sys.argv))
