"""One module per step of the workflow, each with `run(video, context)`.

Lambda and Batch call the same function: only the context tells them apart.
"""
