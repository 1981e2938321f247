"""Run work in child processes whose time and memory are limited and measured, and which may crash.

A server process imports the modules once, and forks a child for each piece of work: that takes milliseconds. It is
started by exec, so that no thread of a test exists in it. `python -m tests.bounded MODULE FUNCTION` is this server.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

#: bytes of address space beyond what the server has: libraries, stacks and arenas take more of it than of memory
_ADDRESS_SPACE = 4 << 30


@dataclass(frozen=True)
class Ended:
    """How a piece of work ended."""

    #: "done", "out of time", or the signal that ended it, such as "SIGSEGV"
    how: str
    seconds: float
    #: largest resident memory in bytes of the child, or of a process that it started
    peak: int
    #: what the function returned, or {"raised": name and message}
    answer: Mapping[str, Any] = field(default_factory=dict)


class Bounded:
    """A server that runs one function. A context manager.

    Parameters
    ----------
    module, function:
        It takes a mapping and returns one, both of which JSON can hold.
    seconds:
        Time limit of one piece of work.
    """

    def __init__(self, module: str, function: str, *, seconds: float) -> None:
        self._seconds = seconds
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.bounded", module, function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Bounded:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def run(self, **request: Any) -> Ended:
        """Run the function on a request."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps({"seconds": self._seconds, "request": request}) + "\n")
        self._server.stdin.flush()
        return Ended(**json.loads(self._server.stdout.readline()))


def _serve(work: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_run(work, asked["request"], asked["seconds"])), flush=True)


def _run(
    work: Callable[[Mapping[str, Any]], Mapping[str, Any]], request: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """Run the work in a forked child."""
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, request, writing)
    os.close(writing)
    content, late = b"", False
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while not late:
            left = began + seconds - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                late = True
                break
            part = pipe.read(1 << 16)
            if not part:
                break
            content += part
    with suppress(ProcessLookupError):  # the child, and the processes that it started
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    answer = json.loads(content) if content else {}
    how = "done"
    if late:
        how = "out of time"
    elif not content and os.WIFSIGNALED(status):
        how = signal.Signals(os.WTERMSIG(status)).name
    elif not content:
        how = f"status {os.waitstatus_to_exitcode(status)}"
    peak = max(usage.ru_maxrss * 1024, answer.pop("children", 0))
    return {"how": how, "seconds": time.monotonic() - began, "peak": peak, "answer": answer}


def _work(work: Callable[[Mapping[str, Any]], Mapping[str, Any]], request: Mapping[str, Any], writing: int) -> None:
    """The child: limit itself, do the work, write the answer and end."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            has = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (has + _ADDRESS_SPACE,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answer = dict(work(request))
    except BaseException as error:  # whatever it is, the server has to know
        answer = {"raised": f"{type(error).__name__}: {error}"[:2000]}
    answer["children"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    os.write(writing, json.dumps(answer).encode())
    os._exit(0)


if __name__ == "__main__":
    _serve(getattr(importlib.import_module(sys.argv[1]), sys.argv[2]))
