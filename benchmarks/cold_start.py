"""What a cold function's start pays for: the processor time in which each handler's module is imported.

`python -m benchmarks.cold_start [--json FILE] [--quick]`

Each import happens in a process of its own, as on Lambda (its environment variables, compiled modules on the disk). The
interpreter's own start is not in it. Target: under 0.5 s each.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from benchmarks.common import ROOT, Result, command_line

HANDLERS = tuple(sorted(path.parent.name for path in (ROOT / "lambdas").glob("*/app.py")))
_PROGRAM = "import time; began = time.process_time(); import lambdas.{}.app; print(time.process_time() - began)"
#: X-Ray's SDK loads only where Lambda set this (Developer Guide, "Defined runtime environment variables")
_ON_LAMBDA = {"LAMBDA_TASK_ROOT": "/var/task", "AWS_DEFAULT_REGION": "us-east-1"}


def import_seconds(handler: str) -> float:
    """Processor seconds of all threads in which the handler's module and all that it needs come to be there."""
    command = [sys.executable, "-c", _PROGRAM.format(handler)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **_ON_LAMBDA}, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Measure, and print the table."""
    options = command_line(__doc__, rounds=5).parse_args()
    rounds = 3 if options.quick else options.rounds
    result = Result("Cold start: import of a function's handler", quick=options.quick)
    for handler in HANDLERS:
        import_seconds(handler)  # writes what Python compiles
        median = statistics.median(import_seconds(handler) for _ in range(rounds))
        result.row(handler, round(median, 3), "s of processor time")
    result.notes.append(
        f"Medians of {rounds} processes, without the start of the interpreter. Target: under 0.5 s each."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
