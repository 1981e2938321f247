"""One folder a job, each `job.py`: read argv and environment, call the step, exit 0 or name the error."""
