"""`avflow run`: upload one video to `start/` of the deployed workflow, and fetch its results."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from avflow.filenames import as_stored, printable
from avflow.workflow.layout import START_PREFIX, VideoRef
from avflow.workflow.reports import Manifest
from avflow_cli import terminal
from avflow_cli.deployment import Deployment, DeploymentOptions, deployed
from avflow_cli.follow import execution_arn, follow
from avflow_cli.outcomes import exit_status
from avflow_cli.output import Output
from avflow_cli.stack.starting import Place
from avflow_cli.step_logs import FailedStep, StepLogs
from avflow_cli.uploading import Upload
from avflow_cli.view import RunView, summary
from local_aws.sandbox.activity import Activity

#: seconds between two looks for the start of an execution
LOOK_SECONDS = 0.05
#: failed steps whose logs are shown, and lines of each
MAX_STEPS, MAX_LINES = 3, 15


def run(video: Path, out: Path, options: DeploymentOptions) -> int:
    """Process one video. Returns the exit status.

    Raises
    ------
    OutputUnusable
        The results can't be written, or would replace other files.
    ModelUnavailable
        A model is not on this machine and can't be fetched.
    """
    video = as_stored(video)
    output = Output(out, video)
    console = terminal.console()
    view = RunView(console)
    logs, causes = StepLogs(), list[str]()

    def hear(activity: Activity) -> None:
        view.heard(activity)
        logs.hear(activity)

    # in this order: while a model is fetched, there is another progress bar
    with deployed(options, hear) as deployment, view:
        output.claim_names(deployment.aws.client("s3"), deployment.bucket)
        reference = upload(deployment, video, START_PREFIX + video.name)
        states = deployment.aws.client("stepfunctions")
        arn = execution_arn(deployment.state_machine, reference.execution)
        for event in follow(states, arn):
            view.show(event)
            if event.error is not None and event.moved_to is None:
                causes.append(event.cause)
        execution = states.describe_execution(executionArn=arn)
        files = output.fetch(deployment.aws.client("s3"), reference)
    if execution["status"] != "SUCCEEDED":
        return _failed(execution, files, output, logs.behind(causes))
    manifest = Manifest.from_dict(json.loads(output.manifest.read_text(encoding="utf-8")))
    console.print(summary(manifest, files, spaced=console.is_terminal), soft_wrap=True)
    return os.EX_OK


def upload(deployment: Deployment, video: Path, key: str) -> VideoRef:
    """Upload a video under a key, and wait until the start function has started the execution of this version.

    Raises
    ------
    RunNotStarted
    SourceMissing
        The video can't be read, or changed while it was sent.
    """
    place = Place(deployment.aws.client, deployment.bucket, deployment.state_machine)
    Upload(place.client("s3"), video, place.bucket, key, recorded=False).send()
    return VideoRef.from_dict(json.loads(place.await_start(key, LOOK_SECONDS)["input"])["video"])


def _failed(execution: dict[str, Any], files: list[Path], output: Output, steps: list[FailedStep]) -> int:
    """Write the error in one line, and the end of the failed step's log. Returns the exit status of its class."""
    name = execution.get("error") or execution["status"]
    where = "".join(f" ({file})" for file in files if file.name.endswith(".error.json"))
    terminal.say(f"{name}: {execution.get('cause', '')}{where}")
    for step in steps[-MAX_STEPS:]:
        terminal.say(f"the end of the log of {step.title}")
        for line in step.lines[-MAX_LINES:]:
            print(f"  {printable(line)}", file=sys.stderr)
    if steps:
        kept = output.keep_log("\n".join(step.text for step in steps))
        terminal.say(f"its whole log: {kept}")
    return exit_status(name)
