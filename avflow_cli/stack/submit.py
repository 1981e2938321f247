"""`avflow submit`: upload videos to a stack, which starts a run for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from avflow.choices import CHOICES, written
from avflow.filenames import printable
from avflow.workflow.layout import START_PREFIX
from avflow_cli import clips, interrupt, terminal
from avflow_cli.stack import estimating
from avflow_cli.stack.executions import Execution
from avflow_cli.stack.printing import line_of_json, say, size
from avflow_cli.stack.stack import Stack
from avflow_cli.uploading import Report, Upload

#: seconds in which an interrupted command removes the parts that it has sent
SECONDS_TO_TIDY = 20.0


def run(
    stack: Stack,
    videos: Sequence[str],
    to: str,
    chosen: Mapping[str, Any],
    *,
    resumable: bool,
    ask_above: float | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Upload videos one after the other, and wait until the run of each has begun. Returns the exit status.

    What the runs will probably cost is known before the first upload.

    Parameters
    ----------
    videos:
        Files, folders and patterns, as for `avflow run`.
    to:
        The folder below start/, without slashes around it; empty for start/ itself.
    chosen:
        The values of the choices that were named, by field.
    ask_above:
        US dollars of all of them from which it asks; None as in `estimating.require_consent`.
    yes:
        Don't ask.

    Raises
    ------
    WrongVideo, SourceMissing, UploadBusy, RunNotStarted
    MaxRunCostExceeded, CostNotConfirmed
        Nothing was uploaded.
    """
    interrupt.allow(SECONDS_TO_TIDY)
    found = clips.find(videos, Path("result"))
    metadata = metadata_of(chosen)
    estimates = estimating.of_clips(found, stack.parameters, metadata)
    for clip, each in zip(found, estimates, strict=True):
        if each.why:
            terminal.say(f"{clip.shown}: its cost can't be estimated here, so the run decides. {each.why}")
    if not yes:
        may_ask = not as_json and sys.stdin.isatty() and sys.stderr.isatty()
        estimating.require_consent(estimates, ask_above, may_ask=may_ask)
    s3 = stack.access.client("s3")
    for clip, each in zip(found, estimates, strict=True):
        key = START_PREFIX + (f"{to}/" if to else "") + clip.name
        upload = Upload(s3, clip.path, stack.bucket, key, metadata, resumable)
        count = clip.path.stat().st_size
        with _bar(clip.shown, count, shown=not as_json) as report:
            upload.send(report)
        begun = Execution.described(stack.place.await_start(key))
        if as_json:
            uri = f"s3://{stack.bucket}/{key}"
            line_of_json({"video": str(clip.path), "uri": uri, "estimated_usd": each.usd, **begun.to_dict()})
        else:
            told = f"{clip.shown} ({size(count)}, {each.text}) is in s3://{stack.bucket}/{printable(key)}."
            say(f"{told} Its run: {begun.name}")
    if not as_json:
        say("Watch the newest: avflow watch --last")
    return os.EX_OK


def metadata_of(chosen: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of an upload that means these choices; those that are None are left to the stack.

    >>> metadata_of({"classes": ("dog", "car"), "confidence": 0.4, "nms": None})
    {'avflow-confidence': '0.4', 'avflow-classes': 'dog,car'}
    """
    named = ((choice.metadata, chosen.get(choice.field)) for choice in CHOICES)
    return {name: written(value) for name, value in named if value is not None}


@contextmanager
def _bar(name: str, count: int, *, shown: bool) -> Iterator[Report]:
    """A bar on a terminal while a file of `count` bytes is sent; nothing elsewhere."""
    console = terminal.console()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    is_shown = shown and console.is_terminal and not console.is_dumb_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as bar:
        task = bar.add_task(name, total=count)
        yield lambda sent: bar.advance(task, sent)
