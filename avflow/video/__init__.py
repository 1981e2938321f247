"""Frames of a video: read, written, cut into segments, as the codec's own planes."""
