"""The size, crop and orientation of frames, and where they change."""
