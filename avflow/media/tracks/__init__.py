"""Which streams of a file are processed, and how its sound is mixed."""
