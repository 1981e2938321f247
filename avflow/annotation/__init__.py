"""Boxes on a video: decoding, detection, drawing and encoding at once, frame by frame."""
