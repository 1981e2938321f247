"""A release: its packages, sources, bill of materials and checksums, and the check of what was built."""
