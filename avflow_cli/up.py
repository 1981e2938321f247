"""`avflow up`: keep the embedded AWS up for other programs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NoReturn

from avflow_cli import interrupt, terminal
from avflow_cli.console import of_embedded
from avflow_cli.console.server import Console
from avflow_cli.deployment import Deployment, DeploymentOptions, deployed
from avflow_cli.profile import NAME
from avflow_cli.samconfig import STACK_NAME
from avflow_cli.stack.printing import line_of_json
from local_aws.cloudformation.deploy import set_output
from local_aws.sandbox.activity import Activity, StepEnded, StepLog, StepStarted

HELP = """\
The embedded AWS is up at {url} with the stack av-workflow.
Its console, for a browser on this machine: {console}
Its access key, for this session only: {access_key_id}
Its secret access key: {secret_access_key}

In another shell:

  export {variables}
  {aws} s3 cp samples/my_video.mkv s3://{bucket}/start/
  {aws} stepfunctions list-executions --state-machine-arn {state_machine}
  {aws} s3 ls --recursive s3://{bucket}/result/
  {aws} logs tail /aws/batch/av-workflow
  avflow watch --last --profile {profile}

Ctrl-C ends it{and_then}.
"""


def run(options: DeploymentOptions, port: int, data: Path | None, *, as_json: bool) -> NoReturn:
    """Deploy the template, print how to use it, and wait for Ctrl-C, which raises KeyboardInterrupt."""
    console = terminal.console()

    def show(activity: Activity) -> None:
        if isinstance(activity, StepLog):
            return
        if as_json:
            line_of_json({"type": "step", **_in_json(activity)})
        elif isinstance(activity, StepStarted):
            console.print(f"{activity.kind:6} {activity.name}: started", soft_wrap=True, markup=False)
        else:
            outcome = activity.error or "succeeded"
            line = f"{activity.kind:6} {activity.name}: {outcome} after {activity.seconds:.1f} s"
            console.print(line, soft_wrap=True, markup=False)

    with deployed(options, show, port, with_profile=True, data=data) as deployment:
        page = of_embedded(
            deployment.aws.url, deployment.aws.access_key, deployment.state_machine, deployment.bucket, data
        )
        deployment.aws.page = page
        facts = _facts(deployment, page)
        set_output(deployment.aws, STACK_NAME, "StateMachineConsole", facts["console"])  # for `avflow open`
        if as_json:
            line_of_json({"type": "up", **facts})
        else:
            text = _help(deployment, facts, data)
            if not console.is_terminal:
                text = text.replace("\n\n", "\n").rstrip("\n")
            console.print(text, soft_wrap=True, markup=False)  # a user copies the commands
        try:
            while True:
                time.sleep(1)
                interrupt.check()
        finally:
            page.close()


def _help(deployment: Deployment, facts: dict[str, str], data: Path | None) -> str:
    assert deployment.profile is not None
    return HELP.format(
        **facts,
        variables=deployment.profile.variables,
        aws=deployment.profile.command,
        and_then=" and removes what is in the bucket" if data is None else f"; what is in {data} stays",
    )


def _in_json(activity: StepStarted | StepEnded) -> dict[str, Any]:
    """A start or an end as `--json` prints it."""
    told = {"on": activity.kind, "step": activity.name}
    if isinstance(activity, StepStarted):
        return told | {"event": "started"}
    return told | {"event": "ended", "seconds": round(activity.seconds, 3), "error": activity.error}


def _facts(deployment: Deployment, page: Console) -> dict[str, str]:
    """What a program needs to use the embedded AWS."""
    profile, key = deployment.profile, deployment.aws.access_key
    assert profile is not None
    return {
        "url": deployment.aws.url,
        "console": deployment.aws.url + page.path,
        "access_key_id": key.id,
        "secret_access_key": key.secret,
        "profile": NAME,
        "config_file": str(profile.config),
        "credentials_file": str(profile.credentials),
        "bucket": deployment.bucket,
        "state_machine": deployment.state_machine,
    }
