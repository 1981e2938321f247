"""Annotates a video: decodes it, detects objects, draws boxes and encodes the result, frame by frame."""
