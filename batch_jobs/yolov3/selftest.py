"""The self-test of the YOLOv3 image as a Batch job, on a GPU if the job has one (docs/deploy.md)."""

from __future__ import annotations

import json
import os
import sys

from avflow.errors import AvflowError
from avflow.workflow.selftest import self_test


def main() -> int:
    """Print what the self-test finds, as JSON on the last line. Returns the exit status."""
    try:
        print(json.dumps(self_test()))
    except AvflowError as error:
        print(f"{error.name}: {error.message} {error.advice}", file=sys.stderr)
        return error.exit_code
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
