"""The lines of JSON between the two processes. Each is an object with one member, its kind.

To the child, first `{"enter": policy}`, then `{"do": {"task", "request"}}`; from it, first `{"entered": isolation}`,
then for each request any number of `{"progress": …}` and one `{"answer": …}` or `{"error": …}`. In between it may send
`{"need": [first, end]}`, bytes of a source that is read by ranges. It waits for `{"there": [first, end]}`.
"""

from __future__ import annotations

import errno
import json
import os
import traceback
from typing import Any

from avflow.errors import DISK_FULL, AvflowError, MemoryExhausted, ScratchFull

#: longest traceback that is passed on, in characters
_TRACE = 4000


def line(kind: str, value: object) -> bytes:
    """One message."""
    return json.dumps({kind: value}, separators=(",", ":")).encode() + b"\n"


def described(error: BaseException, doing: str) -> dict[str, Any]:
    """An error as a message: a named one by its name, a full disk or memory by theirs, another as `unexpected`."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        error = ScratchFull(f"The scratch space is full while {doing}: {os.strerror(error.errno)}")
    elif (isinstance(error, OSError) and error.errno == errno.ENOMEM) or type(error) is MemoryError:
        error = MemoryExhausted(f"There is no more memory while {doing}")
    if isinstance(error, AvflowError):
        return error.to_dict()
    trace = "".join(traceback.format_exception(error))[-_TRACE:]
    return {"error": "unexpected", "message": f"{type(error).__name__}: {error}"[:_TRACE], "trace": trace}
