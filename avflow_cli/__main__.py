"""The command `avflow`, also `python -m avflow_cli`: a signal ends it without a traceback while it still imports."""

from __future__ import annotations

import sys

from avflow_cli import interrupt


def main() -> int:
    """Run the command line. Returns the exit status."""
    interrupt.end_at_once()
    from avflow_cli.main import main as command  # noqa: PLC0415  its imports take the time

    return command()


if __name__ == "__main__":
    sys.exit(main())
