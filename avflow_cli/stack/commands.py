"""The grammar of the commands for a deployed stack. Each imports what it needs when it is called."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from avflow_cli.events import STATUSES
from avflow_cli.options import Folder, Number, WholeNumber, choice_options
from avflow_cli.stack.options import of_one_run, on_a_stack, since_option

SHELLS = ("bash", "zsh", "fish")
#: the variable by which the script of a shell asks for completions
COMPLETION = "_AVFLOW_COMPLETE"
STEPS = ("start", "ffmpeg", "audio2srt", "yolov3", "merge", "failed")


@click.command()
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...", type=click.Path(path_type=str))
@click.option("--to", default="", metavar="PATH", help="Folder below start/, and so below result/.")
@click.option("--resumable", is_flag=True, help="Keep what was sent at Ctrl-C, too; the next `submit` goes on with it.")
@click.option(
    "--ask-above",
    type=Number(0, 1_000_000),
    metavar="USD",
    help="Ask first if all of them would probably cost more; 1 on a terminal. Elsewhere end with an error then.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@choice_options
@on_a_stack
def submit(videos: tuple[str, ...], to: str, **options: Any) -> int:
    """Upload videos to a stack, which starts a run for each.

    VIDEO is a video or audio file, a folder, or a pattern, as for `avflow run`. Choices that you don't name are the
    stack's.

    A file of 16 MiB or more is sent in parts. After a crash, or without a network, the same command goes on where it
    was; Ctrl-C removes what was sent.

    What the runs will probably cost is estimated before anything is sent. A video above the stack's MaxRunCost is
    refused.
    """
    from avflow_cli.stack import submit as command  # noqa: PLC0415

    folders = [part for part in to.split("/") if part]
    return command.run(videos=videos, to="/".join(folders[folders[:1] == ["start"] :]), **options)


@click.command("list")
@click.option(
    "--limit", "count", type=WholeNumber(1, 1000), default=20, show_default=True, metavar="N", help="At most so many."
)
@click.option("--status", type=click.Choice(STATUSES), help="Only those with this status.")
@on_a_stack
def list_runs(**options: Any) -> int:
    """List the newest runs of a stack."""
    from avflow_cli.stack import listing as command  # noqa: PLC0415

    return command.run(**options)


@click.command()
@of_one_run
@on_a_stack
def watch(**options: Any) -> int:
    """Follow a run until it ends, as `avflow run` shows it.

    NAME is the run's name, or an upload such as my_video.mkv: its newest run. Ctrl-C ends the view, not the run. The
    exit status is that of the run.
    """
    from avflow_cli.stack import watch as command  # noqa: PLC0415

    return command.run(**options)


@click.command()
@of_one_run
@click.option("--download", is_flag=True, help="Download them.")
@click.option(
    "--out", type=Folder(), default="result", show_default=True, metavar="DIR", help="Folder for the downloaded files."
)
@on_a_stack
def results(download: bool, out: Path, **options: Any) -> int:
    """List the results of a run, or download them.

    Files keep their path below result/. A file in the folder that is no result is never replaced.
    """
    from avflow_cli.stack import results as command  # noqa: PLC0415

    return command.run(out=out if download else None, **options)


@click.command()
@click.argument("words", nargs=-1, metavar="NAME|--last [STEP]")
@click.option("--last", is_flag=True, help="The newest run.")
@on_a_stack
def logs(words: tuple[str, ...], last: bool, **options: Any) -> int:
    """Print what the steps of a run have printed, on Lambda and on Batch.

    STEP is start, ffmpeg, audio2srt, yolov3, merge or failed; by default all. `--json` prints each line as it is, also
    those about progress and metrics.
    """
    names = list(words)
    name = None if last or not names else names.pop(0)
    step = names.pop(0) if names else None
    if names or (name is None and not last):
        raise click.UsageError("Name one run, NAME or --last, and at most one STEP.")
    if step is not None and step not in STEPS:
        raise click.UsageError(f"{step!r} is not a step: {', '.join(STEPS)}.")
    from avflow_cli.stack import logs as command  # noqa: PLC0415

    return command.run(name=name, step=step, **options)


@click.command()
@since_option
@on_a_stack
def cost(since: datetime, **options: Any) -> int:
    """Add up what runs have cost, as their manifests estimate it, and at most where there is no manifest.

    Your bill also has what no run causes, such as stored files.
    """
    from avflow_cli.stack import cost as command  # noqa: PLC0415

    return command.run(since=since, **options)


@click.command()
@of_one_run
@on_a_stack
def stop(**options: Any) -> int:
    """End a run, with its jobs. `avflow retry` lets it go on."""
    from avflow_cli.stack import stop as command  # noqa: PLC0415

    return command.run(**options)


@click.command()
@of_one_run
@on_a_stack
def retry(**options: Any) -> int:
    """Let a run go on that was stopped, or begin a failed one anew.

    A run that was stopped or took too long goes on where it was, for 14 days. The upload of one that failed is
    processed again.
    """
    from avflow_cli.stack import retry as command  # noqa: PLC0415

    return command.run(**options)


@click.command("open")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--last", is_flag=True, help="The newest run.")
@click.option("--console", is_flag=True, help="The run in the console of Step Functions, not its result page.")
@on_a_stack
def open_page(name: str | None, last: bool, **options: Any) -> int:
    """Open the result page of a run in a browser; without NAME, all runs in the console of Step Functions.

    Prints the address, and opens it if this is a terminal. The link to a page is good for an hour, for everyone who has
    it.
    """
    if name and last:
        raise click.UsageError("Name one run: NAME, or --last.")
    from avflow_cli.stack import opening as command  # noqa: PLC0415

    return command.run(name=name, last=last, **options)


@click.command()
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=4567,
    show_default=True,
    metavar="N",
    help="Port on 127.0.0.1; 0 for any free port.",
)
@click.option("--write", "may_write", is_flag=True, help="Also upload videos, stop executions, and start them again.")
@on_a_stack
def console(**options: Any) -> int:
    """Show the executions of a deployed stack in a browser.

    Serves a page on this machine, and asks AWS with your credentials. Changes nothing without --write. `avflow up` has
    the same page for the embedded AWS.
    """
    from avflow_cli import console as command  # noqa: PLC0415

    return command.run(**options)


COMMANDS = (submit, list_runs, watch, results, logs, cost, stop, retry, open_page, console)
