"""The command line: `avflow run`, `avflow up`, `avflow models`."""
