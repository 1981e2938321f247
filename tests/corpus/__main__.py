"""Run cases and print what is wrong with each: `python -m tests.corpus [PART OF AN ID ...]`."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avflow.workflow.storage import ObjectStore
from tests.corpus.bounded_case import bounded_faults
from tests.corpus.bounded_case import server as bounded_server
from tests.corpus.judging import faults
from tests.corpus.kinds import ALL, HOSTILE
from tests.corpus.parametrised import MOST_SECONDS
from tests.corpus.running import process
from tests.s3_server import client_for, serving


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in this block after so many seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"it takes more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def main(parts: list[str]) -> int:
    """Run the cases whose ids contain one of `parts`, or all, and return the number of those that are not right."""
    wrong = 0
    with tempfile.TemporaryDirectory() as root, serving(Path(root)) as server, bounded_server() as bounded:
        s3 = client_for(server.endpoint)
        s3.create_bucket(Bucket="corpus")
        for case in ALL:
            if parts and not any(part in case.id for part in parts):
                continue
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as folder, at_most(2 * MOST_SECONDS):
                if case in HOSTILE:
                    found = bounded_faults(case, bounded, Path(folder))
                else:
                    found = faults(case, process(case, ObjectStore("corpus", s3), Path(folder)))
            wrong += bool(found)
            print(f"{'not right' if found else 'right':9} {time.monotonic() - began:5.1f} s  {case.id}", flush=True)
            for fault in found:
                print(f"                    {fault}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
