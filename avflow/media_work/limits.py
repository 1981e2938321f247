"""How long a media process may take for its tasks."""

from __future__ import annotations

from avflow.errors import InvalidMediaTooSlow
from avflow.isolation.time_limit import TimeLimit
from avflow.media import patience

#: seconds for the description to end by itself and answer
_ANSWER_SECONDS = 2.0
#: seconds on the clock for a description, and a copy of joined recordings, of each 100 MB
_COPYING_SECONDS = 300.0


def describing(name: str, size: int) -> TimeLimit:
    """The longest that a description of `size` bytes may take, whatever it does.

    `avflow.media.patience` ends Python's loops shortly before. This ends one in FFmpeg's own code.
    """
    share = max(1.0, size / patience.BYTES)
    seconds = (patience.SECONDS + _ANSWER_SECONDS) * share
    error = InvalidMediaTooSlow(f"{name} ({size} bytes) was not described within {seconds:.0f} s")
    return TimeLimit(seconds, error, with_copying=_COPYING_SECONDS * share)
