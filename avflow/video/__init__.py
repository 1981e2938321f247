"""Reads, writes and segments video frames. Frames stay in the codec's own pixel format (`yuv420p`).

Rotation is in `avflow.media.shapes.geometry`: this package never rotates.
"""
