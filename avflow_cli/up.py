"""`avflow up`: the embedded AWS, for other programs."""

from __future__ import annotations

import time
from typing import NoReturn

from rich.console import Console

from avflow_cli import interrupt
from avflow_cli.stack import StackOptions, deployed
from local_aws.activity import Activity, StepEnded, StepStarted

HELP = """\
The embedded AWS is up at {url} with the stack av-workflow. In another shell:

  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  aws s3 cp samples/my_video.mkv s3://{bucket}/start/
  aws stepfunctions list-executions --state-machine-arn {state_machine}
  aws s3 ls --recursive s3://{bucket}/result/

Ctrl-C ends it; what is in the bucket is gone then.
"""


def run(options: StackOptions, port: int) -> NoReturn:
    """Deploy, say how to use it, and wait for Ctrl-C, which arrives as KeyboardInterrupt."""
    console = Console(highlight=False)

    def show(activity: Activity) -> None:
        if isinstance(activity, StepStarted):
            console.print(f"{activity.kind:6} {activity.name}: started")
        elif isinstance(activity, StepEnded):
            outcome = activity.error or "succeeded"
            console.print(f"{activity.kind:6} {activity.name}: {outcome} after {activity.seconds:.1f} s")

    with deployed(options, show, port) as stack:
        text = HELP.format(url=stack.aws.url, bucket=stack.bucket, state_machine=stack.state_machine)
        console.print(text, soft_wrap=True)  # commands are copied from it
        while True:
            time.sleep(1)
            interrupt.check()
