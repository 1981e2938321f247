"""`avflow up`: keep the embedded AWS up for other programs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NoReturn

from avflow_cli import interrupt, terminal
from avflow_cli.console import of_embedded
from avflow_cli.deployment import DeploymentOptions, deployed
from avflow_cli.profile import NAME
from local_aws.sandbox.activity import Activity, StepEnded, StepStarted

HELP = """\
The embedded AWS is up at {url} with the stack av-workflow.
Its console, for a browser on this machine: {console}
Its access key, for this session only: {key.id}
Its secret access key: {key.secret}

In another shell:

  export {variables}
  {aws} s3 cp samples/my_video.mkv s3://{bucket}/start/
  {aws} stepfunctions list-executions --state-machine-arn {state_machine}
  {aws} s3 ls --recursive s3://{bucket}/result/
  {aws} logs tail /aws/batch/av-workflow
  avflow watch --last --profile {profile}

Ctrl-C ends it{and_then}.
"""


def run(options: DeploymentOptions, port: int, data: Path | None) -> NoReturn:
    """Deploy the template, print how to use it, and wait for Ctrl-C, which raises KeyboardInterrupt."""
    console = terminal.console()

    def show(activity: Activity) -> None:
        if isinstance(activity, StepStarted):
            console.print(f"{activity.kind:6} {activity.name}: started", soft_wrap=True, markup=False)
        elif isinstance(activity, StepEnded):
            outcome = activity.error or "succeeded"
            line = f"{activity.kind:6} {activity.name}: {outcome} after {activity.seconds:.1f} s"
            console.print(line, soft_wrap=True, markup=False)

    with deployed(options, show, port, with_profile=True, data=data) as deployment:
        profile, key = deployment.profile, deployment.aws.access_key
        assert profile is not None
        page = of_embedded(deployment.aws.url, key, deployment.state_machine, deployment.bucket, data)
        deployment.aws.page = page
        text = HELP.format(
            url=deployment.aws.url,
            console=deployment.aws.url + page.path,
            key=key,
            variables=profile.variables,
            aws=profile.command,
            profile=NAME,
            bucket=deployment.bucket,
            state_machine=deployment.state_machine,
            and_then=" and removes what is in the bucket" if data is None else f"; what is in {data} stays",
        )
        if not console.is_terminal:
            text = text.replace("\n\n", "\n").rstrip("\n")
        console.print(text, soft_wrap=True, markup=False)  # a user copies the commands
        try:
            while True:
                time.sleep(1)
                interrupt.check()
        finally:
            page.close()
