"""YOLOv3's Batch job with a detector of a fixed cost in the model's place; all else is the real one's."""

import sys
from functools import partial

from avflow.workflow import yolov3
from batch_jobs.job_main import job_main

if __name__ == "__main__":
    sys.exit(job_main("yolov3", partial(yolov3.run, tasks="benchmarks.segment_work"), sys.argv))
