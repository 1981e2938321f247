"""`avflow verify`: prove on a deployed stack that it does what it does on the embedded AWS, in about ten minutes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from avflow_cli import interrupt, reasons
from avflow_cli.follow import WHERE, TaskEvent
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.stack import Stack
from avflow_cli.verify.expectations import Check, compared
from avflow_cli.verify.report import written
from avflow_cli.verify.runs import Run, process, remove

#: steps that run on Lambda first
MOVABLE = ("ffmpeg", "audio2srt", "merge")
#: seconds in which an interrupted command stops its run and removes what it has uploaded
SECONDS_TO_TIDY = 20.0
#: states of a stack that can be used
_USABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


def run(stack: Stack, out: Path, *, keep: bool, as_json: bool) -> int:
    """Run the sample twice, compare the results with what must come out, and write a report. Returns the exit status.

    The second run has no time on Lambda, so that each of its steps moves to Batch.

    Raises
    ------
    RunNotStarted
    """
    interrupt.allow(SECONDS_TO_TIDY)
    name = uuid.uuid4().hex[:8]
    checks = [Check("stack", stack.status in _USABLE, stack.status)]
    runs: list[Run] = []
    try:
        for title, no_lambda in (("as usual", False), ("without Lambda", True)):
            if not as_json:
                say(f"The sample, {title}:")
            runs.append(Run.named(title, f"{name}-{len(runs)}"))  # first, so that it is removed whatever happens
            process(stack, runs[-1], _teller(title, as_json=as_json), no_lambda=no_lambda)
            checks += _checked(runs[-1], moved=no_lambda)
    finally:
        out.write_text(written(stack, runs, checks), encoding="utf-8")
        left = "" if keep else remove(stack, runs)
    return _summed_up(checks, out, left, as_json=as_json)


def _checked(run: Run, *, moved: bool) -> list[Check]:
    checks = [Check(f"run {run.title}", run.status == "SUCCEEDED", f"{run.status} {run.error}".strip())]
    if run.manifest:
        checks += [
            replace(each, name=f"{each.name}, {run.title}")
            for each in compared(run.manifest, run.detections, run.subtitles)
        ]
        where = {step["name"]: step["ran_on"] for step in run.manifest["steps"]}
        wanted = "batch" if moved else "lambda"
        checks += [Check(f"{step} on {wanted}", where.get(step) == wanted, str(where.get(step))) for step in MOVABLE]
    return checks


def _summed_up(checks: Sequence[Check], out: Path, left: str, *, as_json: bool) -> int:
    wrong = sum(not check.right for check in checks)
    counts = {"checks": len(checks), "right": len(checks) - wrong}
    if as_json:
        for check in checks:
            line_of_json({"type": "check", **asdict(check)})
        line_of_json({"type": "summary", **counts, "report": str(out), "left": left or None})
    else:
        for check in checks:
            say(f"{'right' if check.right else 'WRONG'}  {check.name}: {check.found}")
        if left:
            say(left)
        say(f"\n{counts['right']} of {counts['checks']} checks are right. The report for an issue: {out}")
    return os.EX_SOFTWARE if wrong else os.EX_OK


def _teller(title: str, *, as_json: bool) -> Callable[[TaskEvent], None]:
    """Prints the events of the tasks of a run."""
    return (lambda event: line_of_json({"type": "step", "run": title, **event.to_dict()})) if as_json else _tell


def _tell(event: TaskEvent) -> None:
    """A line for each end of a task."""
    if event.seconds is None:
        return
    where = WHERE[event.task.where]
    if event.error is None:
        say(f"  {event.task.state} on {where}: {event.seconds:.1f} s")
    else:
        then = f", goes on: {event.moved_to}" if event.moved_to else ""
        say(f"  {event.task.state} on {where}: {reasons.in_words(event.error, event.cause)}{then}")
