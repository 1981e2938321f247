"""The files that a user gets, made from what was detected and said. Merge and `avflow.process` both make them here."""
