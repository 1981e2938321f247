"""`avflow run` on several videos: a few at a time on one embedded AWS, whose processes stay warm between them."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from avflow.cores import usable_cores
from avflow.errors import AvflowError, SourceMissing
from avflow.filenames import printable
from avflow.workflow.layout import START_PREFIX
from avflow.workflow.reports import Manifest
from avflow_cli import interrupt
from avflow_cli.clips import Clip
from avflow_cli.deployment import Deployment, DeploymentOptions, deployed
from avflow_cli.fetching import OutputUnusable
from avflow_cli.follow import TaskEvent, execution_arn, follow
from avflow_cli.outcomes import DONE, FAILED, NOT_STARTED, Outcome, exit_status, worst
from avflow_cli.output import Output
from avflow_cli.run import upload
from avflow_cli.step_logs import StepLogs
from avflow_cli.watching import Watch
from local_aws.sandbox.activity import Activity

#: Videos in progress: while one waits for a process or for a poll, others work. More wait for the cores, and for the
#: account's ten functions.
MOST_AT_ONCE = 8
#: seconds between two looks at an execution, and between two looks at the folder that is watched
POLL_SECONDS, LOOK_SECONDS = 0.25, 0.5


class View(Protocol):
    """What shows the videos."""

    def begin(self, clips: Sequence[Clip]) -> None:
        """These wait for their turn; called again for those that appear later."""

    def started(self, clip: Clip) -> None:
        """The clip is being uploaded."""

    def named(self, clip: Clip, execution: str) -> None:
        """The clip's execution has begun. Its name is in the lines of its steps' logs."""

    def show(self, clip: Clip, event: TaskEvent) -> None:
        """A step of the clip began or ended."""

    def heard(self, activity: Activity) -> None:
        """A line of a step's log, or another event."""

    def ended(self, outcome: Outcome) -> None:
        """The clip has ended, or will not be started."""

    def summary(self, outcomes: Sequence[Outcome], seconds: float, out: Path) -> None:
        """All have ended."""


class ShowingView(View, AbstractContextManager["ShowingView"], Protocol):
    """A view that shows something between the beginning and the end of its block."""


@dataclass
class Many:
    """The videos of one command.

    Parameters
    ----------
    clips:
        Those that are there at the beginning.
    watch:
        Where others appear, if any do. Then the command ends only by an interruption, and no failure stops it.
    """

    clips: Sequence[Clip]
    out: Path
    options: DeploymentOptions
    view: ShowingView
    keep_going: bool = False
    watch: Watch | None = None
    _logs: StepLogs = field(default_factory=StepLogs)
    _outcomes: list[Outcome] = field(default_factory=list)
    _claimed: dict[str, str] = field(default_factory=dict)

    def run(self) -> int:
        """Process them. Returns the worst of their exit statuses.

        Raises
        ------
        AvflowError
            The embedded AWS can't start: as `deployed`.
        """
        began = time.monotonic()
        with deployed(self.options, self._hear) as deployment, self.view:
            try:
                self._process(deployment)
            finally:
                self.view.summary(self._outcomes, time.monotonic() - began, self.out)
        return worst(self._outcomes)

    def _hear(self, activity: Activity) -> None:
        self.view.heard(activity)
        self._logs.hear(activity)

    # ------------------------------------------------------------ which, and when
    def _process(self, deployment: Deployment) -> None:
        waiting, running = deque(self.clips), dict[Future[Outcome], Clip]()
        self.view.begin(self.clips)
        at_once = min(MOST_AT_ONCE, usable_cores() + 2)
        with ThreadPoolExecutor(at_once, thread_name_prefix="video") as threads:
            while waiting or running or self.watch:
                waiting += self._appeared()
                while len(running) < at_once and not self._is_over() and (clip := _next(waiting, running.values())):
                    running[threads.submit(self._outcome, deployment, clip, self._output(clip))] = clip
                if self._is_over():
                    for clip in waiting:
                        self._end(Outcome(clip, NOT_STARTED))
                    waiting.clear()
                if running:
                    for done in wait(running, LOOK_SECONDS, FIRST_COMPLETED).done:
                        del running[done]
                        self._end(done.result())
                elif self.watch:
                    time.sleep(LOOK_SECONDS)
                interrupt.check()

    def _is_over(self) -> bool:
        """Whether no more videos are started, because one has failed."""
        return not self.keep_going and not self.watch and any(each.state == FAILED for each in self._outcomes)

    def _appeared(self) -> list[Clip]:
        if self.watch is None:
            return []
        clips = [clip for clip in self.watch.settled() if not (self.watch.was_there(clip) and self._is_done(clip))]
        if clips:
            self.view.begin(clips)
        return clips

    def _is_done(self, clip: Clip) -> bool:
        """Whether an earlier command has processed this clip."""
        output = self._output(clip)
        return isinstance(output, Output) and output.is_newer_than(clip.path)

    def _end(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self.view.ended(outcome)

    # ------------------------------------------------------------ one of them
    def _output(self, clip: Clip) -> Output | AvflowError:
        """Where its results go; here, so that names are given in the order of the videos."""
        try:
            output = Output(self.out, clip.path, START_PREFIX + clip.name, self._claimed)
        except AvflowError as error:
            return error
        if self.watch:
            self.watch.ours.update(map(os.path.abspath, output.targets))
        return output

    def _outcome(self, deployment: Deployment, clip: Clip, output: Output | AvflowError) -> Outcome:
        """Process one clip. An error of its own is its outcome."""
        began = time.monotonic()
        self.view.started(clip)
        try:
            if isinstance(output, AvflowError):
                raise output
            return self._processed(deployment, clip, output, began)
        except AvflowError as error:
            failed = error
        except OSError as error:  # the file is gone, or the disk is full
            where, why = printable(str(error.filename or clip.path)), error.strerror or error
            kind = OutputUnusable if clip.path.exists() else SourceMissing
            failed = kind(f"{where} can't be used: {why}.")
        seconds, said = time.monotonic() - began, f"{failed.message} {failed.advice}".strip()
        return Outcome(clip, FAILED, seconds, error=failed.name, message=said, exit_status=failed.exit_code)

    def _processed(self, deployment: Deployment, clip: Clip, output: Output, began: float) -> Outcome:
        s3, states = deployment.aws.client("s3"), deployment.aws.client("stepfunctions")
        output.claim_names(s3, deployment.bucket)
        reference = upload(deployment, clip.path, START_PREFIX + clip.name)
        self.view.named(clip, reference.execution)
        arn = execution_arn(deployment.state_machine, reference.execution)
        causes = []
        for event in follow(states, arn, poll=POLL_SECONDS):
            self.view.show(clip, event)
            if event.error is not None and event.moved_to is None:
                causes.append(event.cause)
        execution = states.describe_execution(executionArn=arn)
        files = output.fetch(s3, reference)
        seconds = time.monotonic() - began
        if execution["status"] != "SUCCEEDED":
            return self._failed(clip, execution, files, output, causes=causes, seconds=seconds)
        manifest = Manifest.from_dict(json.loads(output.manifest.read_text(encoding="utf-8")))
        warnings = tuple(warning.message for warning in manifest.warnings)
        return Outcome(clip, DONE, seconds, tuple(files), manifest=output.manifest, warnings=warnings)

    def _failed(
        self,
        clip: Clip,
        execution: dict[str, Any],
        files: list[Path],
        output: Output,
        *,
        causes: list[str],
        seconds: float,
    ) -> Outcome:
        name = execution.get("error") or execution["status"]
        steps = self._logs.behind(causes, else_last=False)
        if steps:
            files = [*files, output.keep_log("\n".join(step.text for step in steps))]
        return Outcome(
            clip, FAILED, seconds, tuple(files), error=name, message=str(execution.get("cause", "")),
            exit_status=exit_status(name),
        )  # fmt: skip


def _next(waiting: deque[Clip], running: Collection[Clip]) -> Clip | None:
    """The first clip that waits. One that is processed already, and was replaced meanwhile, waits for its end."""
    busy = {clip.name for clip in running}
    found = next((clip for clip in waiting if clip.name not in busy), None)
    if found is not None:
        waiting.remove(found)
    return found


def run(
    clips: Sequence[Clip],
    out: Path,
    options: DeploymentOptions,
    *,
    keep_going: bool = False,
    as_json: bool = False,
    watched: Path | None = None,
) -> int:
    """Process several videos. Returns the exit status.

    Parameters
    ----------
    watched:
        A folder in which more videos appear.
    """
    from avflow_cli import many_view  # noqa: PLC0415 - it imports Rich, and a script wants JSON only

    view: ShowingView = many_view.JsonView() if as_json else many_view.ManyView()
    watch = None if watched is None else Watch(watched, out)
    return Many(clips, out, options, view, keep_going, watch).run()
