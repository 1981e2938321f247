"""`avflow open`: the result page of a run, or the executions in the console of Step Functions or of `avflow up`."""

from __future__ import annotations

import os
import sys
import webbrowser
from urllib.parse import quote

from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.objects import with_video
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.reports import results_of
from avflow_cli.stack.results import ResultsMissing
from avflow_cli.stack.stack import Stack
from local_aws.callers import PAGE_PATH

#: for how long the links to a page and its video are good; credentials that expire earlier end them earlier
LINK_SECONDS = 3600


def run(stack: Stack, name: str | None, *, last: bool, console: bool, as_json: bool) -> int:
    """Print the address, and open it in a browser if this is a terminal. Returns the exit status.

    Parameters
    ----------
    name:
        The run whose page is meant; None for all runs in the console, or for the newest with `last`.
    console:
        The console's page of the run in place of the result page.

    Raises
    ------
    RunNotFound, ResultsMissing
    """
    if name is None and not last:
        address = stack.outputs["StateMachineConsole"]
    else:
        found = Executions(stack).find(name)
        address = in_console(stack.outputs["StateMachineConsole"], found.arn) if console else _page(stack, found)
    if as_json:
        line_of_json({"url": address})
        return os.EX_OK
    say(address)
    if sys.stdout.isatty():
        webbrowser.open(address)
    return os.EX_OK


def in_console(console: str, arn: str) -> str:
    """The page of an execution in AWS's console, or in the one of `avflow up` (avflow_cli/console/page/main.js).

    Parameters
    ----------
    console:
        The address of all executions, the stack's output StateMachineConsole.
    """
    beginning, _, _ = console.partition("#")
    if beginning.endswith(PAGE_PATH):
        return f"{console}/e/{quote(arn, safe='')}"
    return f"{beginning}#/v2/executions/details/{arn}"


def _page(stack: Stack, found: Execution) -> str:
    """A link to the result page, with a link to its video, which the page takes behind `#video=` (docs/results.md)."""
    keys = {key.rpartition(".")[2]: key for key in results_of(stack, found)}
    if "html" not in keys:
        shown = found.upload or found.name
        raise ResultsMissing(f"{shown} has no page.", f"What it has: avflow results {found.name}")
    page = _link(stack, keys["html"])
    return with_video(page, _link(stack, keys["mp4"])) if "mp4" in keys else page


def _link(stack: Stack, key: str) -> str:
    s3 = stack.access.client("s3", signature_version="s3v4")  # older ones can't open what KMS encrypts
    link: str = s3.generate_presigned_url("get_object", {"Bucket": stack.bucket, "Key": key}, ExpiresIn=LINK_SECONDS)
    return link
