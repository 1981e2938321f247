"""One folder per Lambda function. Its `app.py` unpacks the event, calls the step, and returns."""
