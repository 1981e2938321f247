"""YOLOv3's Batch job with a detector of a fixed cost in the model's place; all else is the real one's.

The environment variable `COST_VARIABLE` holds the cost of a frame, in seconds.
"""

import os
import sys
from functools import partial

from avflow.workflow import yolov3
from batch_jobs.job_main import job_main
from benchmarks.stand_in import COST_VARIABLE, FixedCostDetector

if __name__ == "__main__":
    cost = float(os.environ[COST_VARIABLE])
    stage = partial(yolov3.run, opener=lambda *_: FixedCostDetector(cost))
    sys.exit(job_main("yolov3", stage, sys.argv))
