"""Ends process groups when the process that started them is gone, however it went (even by SIGKILL).

A separate, tiny process that reads `+<group>` and `-<group>` lines from a pipe. The pipe's end
means that its owner has died: every group still listed is killed. Unlike Linux's
PR_SET_PDEATHSIG this reaches grandchildren (a function's FFmpeg), needs no code between
fork and exec, and works on macOS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Keep the list until the pipe ends, then kill what is left on it."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
