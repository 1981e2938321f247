"""What the command line writes to a terminal or a pipe: its own output, and nothing that libraries write."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import warnings
from typing import TYPE_CHECKING

from avflow.errors import AvflowError
from avflow.filenames import PrintableStream, printable

#: the exit status of a command whose reader has gone, as of one that SIGPIPE ends
UNREAD = 128 + signal.SIGPIPE

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Standard output. A pipe or a file gets plain lines, whatever the environment says about colours.

    Only the console's own escape sequences reach a terminal: those in names are shown as text.
    """
    from avflow_cli.printable_console import PrintableConsole  # noqa: PLC0415 - slow to import, and `make video` needs no library

    return PrintableConsole(highlight=False, force_terminal=None if sys.stdout.isatty() else False)


def is_unread() -> bool:
    """Whether the pipe behind standard output is closed. If so, from now on what is written there goes nowhere."""
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    if not asked.poll(0):  # neither POLLERR nor POLLHUP: another pipe broke
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes again when it ends
    return True


def show_error(error: AvflowError) -> int:
    """Write the error to standard error: its text is printable. Returns its exit status."""
    print(f"avflow: {error.name}: {error.message} {error.advice}", file=sys.stderr)
    return error.exit_code


def say(text: str) -> None:
    """Write one line to standard error, whatever the text contains."""
    print(f"avflow: {printable(text)}", file=sys.stderr)


def guard_stderr() -> None:
    """From now on, names in tracebacks, in log messages and in messages of click can't control the terminal."""
    if not isinstance(sys.stderr, PrintableStream):
        sys.stderr = PrintableStream(sys.stderr)


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
