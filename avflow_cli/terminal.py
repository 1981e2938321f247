"""What goes to the terminal, or into the pipe in its place: ours, and nothing of the libraries'."""

from __future__ import annotations

import logging
import sys
import warnings

from rich.console import Console


def console() -> Console:
    """Standard output. Into a pipe or a file go plain lines, whatever the environment says of colours."""
    return Console(highlight=False, force_terminal=None if sys.stdout.isatty() else False)


def silence_libraries() -> None:
    """Their warnings and hints concern developers; our own errors are shown (and `python -X dev` shows all)."""
    if not sys.flags.dev_mode:
        warnings.simplefilter("ignore")
    # without a handler the first of them to log would set one up, for standard error
    logging.getLogger().addHandler(logging.NullHandler())
    ours = logging.StreamHandler()
    ours.setLevel(logging.ERROR)
    logging.getLogger("local_aws").addHandler(ours)
