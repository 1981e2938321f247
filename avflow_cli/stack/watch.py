"""`avflow watch`: follow a run as `avflow run` shows it, from a stack's history and logs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from botocore.exceptions import BotoCoreError, ClientError

from avflow.workflow.reports import Manifest
from avflow_cli import terminal
from avflow_cli.follow import follow
from avflow_cli.outcomes import exit_status
from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.logs import groups_of, progress_since
from avflow_cli.stack.printing import line_of_json
from avflow_cli.stack.reports import manifest_of, results_of
from avflow_cli.stack.stack import Stack
from avflow_cli.view import RunView, summary
from local_aws.sandbox.activity import StepLog

#: seconds between two looks at the execution, and at the logs: DescribeExecution and FilterLogEvents have small quotas
POLL_SECONDS, LOG_SECONDS = 1.0, 3.0
#: a line is in the logs at the latest so long after it was printed
LATE_SECONDS = 30.0


def run(stack: Stack, name: str | None, *, as_json: bool) -> int:
    """Show a run until it ends, then where each step ran and where the results are. Returns the exit status.

    Ctrl-C ends the view, not the run.

    Raises
    ------
    RunNotFound
    """
    executions = Executions(stack)
    found = executions.find(name)
    states = stack.access.client("stepfunctions")
    if as_json:
        for event in follow(states, found.arn, poll=POLL_SECONDS):
            line_of_json({"type": "step", **event.to_dict()})
    else:
        view = RunView(terminal.console())
        with view, _progress(stack, found, view):
            for event in follow(states, found.arn, page_size=100, poll=POLL_SECONDS):
                view.show(event)
    return _ended(stack, executions.describe(found.arn), as_json=as_json)


def _ended(stack: Stack, found: Execution, *, as_json: bool) -> int:
    results = [f"s3://{stack.bucket}/{key}" for key in results_of(stack, found)]
    failed = found.status != "SUCCEEDED"
    if as_json:
        line_of_json({"type": "run", **found.to_dict(), "cause": found.cause or None, "results": results})
    elif failed:
        terminal.say(f"{found.error or found.status}: {found.cause}")
        terminal.say(f"its logs: avflow logs {found.name}")
    else:
        _show(stack, found, results)
    return exit_status(found.error or found.status) if failed else os.EX_OK


def _show(stack: Stack, found: Execution, results: list[str]) -> None:
    console, manifest = terminal.console(), manifest_of(stack, found)
    if manifest is None:
        terminal.say(f"{found.name} succeeded; its results were replaced by another run, or deleted")
        return
    console.print(summary(Manifest.from_dict(manifest), results, spaced=console.is_terminal), soft_wrap=True)


class LoggedProgress:
    """Reads what the steps of a run log about their progress, and passes it to a view.

    Parameters
    ----------
    since:
        Lines before this time are left out; seconds since 1970.
    """

    def __init__(self, stack: Stack, execution: str, view: RunView, since: float) -> None:
        self._logs, self._groups = stack.access.client("logs"), groups_of(stack)
        self._execution, self._view, self._since = execution, view, since
        self._seen: set[str] = set()

    def read(self) -> None:
        """Look once. Lines come late and out of order, so the last seconds are read again the next time.

        Raises
        ------
        ClientError, BotoCoreError
        """
        began = time.time()
        for group in self._groups.values():
            for event in progress_since(self._logs, group, self._execution, self._since):
                if event["eventId"] not in self._seen:
                    self._seen.add(event["eventId"])
                    self._view.heard(StepLog("", "", "", event["message"].rstrip("\n")))
        self._since = max(self._since, began - LATE_SECONDS)

    def keep_reading(self, over: threading.Event) -> None:
        """Look again and again. Without the right to read logs, or while they don't answer, the view has no bars."""
        while not over.wait(LOG_SECONDS):
            with suppress(ClientError, BotoCoreError):
                self.read()


@contextmanager
def _progress(stack: Stack, found: Execution, view: RunView) -> Iterator[None]:
    """Read the progress of steps from the logs into the view, as long as the block lasts."""
    over = threading.Event()
    logged = LoggedProgress(stack, found.name, view, time.time() - LATE_SECONDS)
    if found.status == "RUNNING" and terminal.console().is_terminal:
        threading.Thread(target=logged.keep_reading, args=(over,), daemon=True).start()
    try:
        yield
    finally:
        over.set()
