"""Kills process groups when the process that started them has died, even by SIGKILL.

It is a small process of its own that reads lines `+<group>` and `-<group>` from a pipe. When the pipe ends, its owner
has died, and every group on the list is killed. Unlike Linux's PR_SET_PDEATHSIG this reaches grandchildren (a
function's FFmpeg), needs no code between fork and exec, and works on macOS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Keep the list of groups until the pipe ends, then kill the groups that are left."""
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
