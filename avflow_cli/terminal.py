"""What the command line writes to a terminal or a pipe: its own output, and nothing that libraries write."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING

from avflow.errors import AvflowError

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Standard output. A pipe or a file gets plain lines, whatever the environment says about colours."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `make video` needs no library

    return Console(highlight=False, force_terminal=None if sys.stdout.isatty() else False)


def show_error(error: AvflowError) -> int:
    """Write the error to standard error, in one line. Returns its exit status."""
    print(f"avflow: {error.name}: {error.message} {error.advice}", file=sys.stderr)
    return error.exit_code


def silence_libraries() -> None:
    """Hide warnings and log messages of libraries, which are for developers; `python -X dev` shows the warnings.

    Errors that the embedded AWS logs are shown.
    """
    if not sys.flags.dev_mode:
        warnings.simplefilter("ignore")
    # if the root logger has no handler, the first library that logs adds one for standard error
    logging.getLogger().addHandler(logging.NullHandler())
    ours = logging.StreamHandler()
    ours.setLevel(logging.ERROR)
    logging.getLogger("local_aws").addHandler(ours)
