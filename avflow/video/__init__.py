"""Reads, writes and segments video frames. Frames stay in the codec's own pixel format (`yuv420p`)."""
