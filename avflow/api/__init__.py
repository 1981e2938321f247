"""The calls of `from avflow import process, detect, transcribe`: the media work on this machine, without AWS.

docs/python.md shows how to use them. A file is decoded in a media process (`avflow.isolation`), as in the steps. Frames
that the caller has decoded are detected in the caller's own process.
"""
