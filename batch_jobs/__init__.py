"""One folder per Batch job. Its `job.py` reads argv and the environment, calls the step, and exits with a status."""
