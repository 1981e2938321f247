"""The steps of the workflow on AWS, and what they share. Each step is a module with `run(video, context)`.

Lambda and Batch call the same function. Only the context differs.

Where is what:

- a step: `ffmpeg`, `audio2srt`, `yolov3`, `merge`
- what every step does at its start and end, and how a Lambda's time-out becomes a Batch job: `entry`, `budget`
- how the work is divided, and what goes to Batch without a try on Lambda: `plan`
- the keys of all objects, also the names of the results: `layout`
- what the steps write as JSON: `reports`, `manifest`, `cost`
"""
