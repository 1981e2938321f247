"""The calls of `from avflow import process, detect, transcribe`."""
