"""Puts everything in a file on one clock: recordings that were joined, gaps, frame rates, the first and last frame."""
