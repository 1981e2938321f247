"""One folder a function, each `app.py`: unpack the event, call the step, return."""
