"""Runs of the sample on a deployed stack: upload, wait, read the results, and remove all of it again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from avflow.choices import LAMBDA_SECONDS
from avflow_cli.follow import TaskEvent, follow
from avflow_cli.stack.stack import Stack
from avflow_cli.uploading import Upload
from avflow_cli.verify.expectations import SAMPLE
from lambdas.start.claims import claim_key
from lambdas.start.result_names import RESULT_PREFIX, START_PREFIX, candidates

#: below start/ and result/
FOLDER = "avflow-verify"
#: seconds between two looks at an execution: DescribeExecution and GetExecutionHistory have small quotas
POLL_SECONDS = 2.0


@dataclass
class Run:
    """A run of the sample.

    Parameters
    ----------
    title:
        What it is about.
    key:
        Of the upload, in a folder of its own.
    seconds:
        From the end of the upload to the end of the execution.
    """

    title: str
    key: str
    status: str = "INTERRUPTED"
    error: str = ""
    cause: str = ""
    seconds: float = 0.0
    events: list[TaskEvent] = field(default_factory=list)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    detections: str = ""
    subtitles: str = ""

    @classmethod
    def named(cls, title: str, folder: str) -> Run:
        """A run whose upload is in this folder below `FOLDER`."""
        return cls(title, f"{START_PREFIX}{FOLDER}/{folder}/{SAMPLE.name}")

    @property
    def base(self) -> str:
        """The key of the results, without a suffix: no other upload of the folder can have it."""
        return next(candidates(self.key))

    def waited(self, step: str) -> float | None:
        """Seconds of a step's tasks in which it did not work: queue, start of a machine, image, imports."""
        tasks = [each for each in self.events if each.seconds and each.task.state.casefold().startswith(step)]
        worked = sum(each["seconds"] for each in self.manifest.get("steps", []) if each["name"] == step)
        return max(0.0, sum(each.seconds or 0.0 for each in tasks) - worked) if tasks else None


def process(stack: Stack, run: Run, told: Callable[[TaskEvent], None], *, no_lambda: bool) -> None:
    """Upload the sample, and wait until its execution has ended. An interrupted wait stops the execution.

    Parameters
    ----------
    no_lambda:
        Leave the steps no time on Lambda, so that each moves to Batch.

    Raises
    ------
    RunNotStarted
    """
    s3, states = stack.access.client("s3"), stack.access.client("stepfunctions")
    metadata = {LAMBDA_SECONDS: "0"} if no_lambda else {}
    try:
        Upload(s3, SAMPLE, stack.bucket, run.key, metadata, recorded=False).send()
        began = time.monotonic()
        arn = str(stack.place.await_start(run.key)["executionArn"])
        for event in follow(states, arn, poll=POLL_SECONDS):
            run.events.append(event)
            told(event)
    except BaseException:
        with suppress(ClientError):  # nothing was uploaded, or no execution began
            arn = stack.place.newest_arn(run.key)
            states.stop_execution(executionArn=arn, error="Interrupted", cause="avflow verify was interrupted")
        raise
    ended = states.describe_execution(executionArn=arn)
    run.seconds, run.status = time.monotonic() - began, ended["status"]
    run.error, run.cause = ended.get("error", ""), ended.get("cause", "")
    if run.status == "SUCCEEDED":
        run.manifest = json.loads(_text(s3, stack.bucket, f"{run.base}.json"))
        run.detections = _text(s3, stack.bucket, f"{run.base}.detections.jsonl")
        run.subtitles = _text(s3, stack.bucket, f"{run.base}.srt")


def _text(s3: Any, bucket: str, key: str) -> str:
    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def remove(stack: Stack, runs: list[Run]) -> str:
    """Delete all versions of what the runs have uploaded and made. Returns why not, or an empty text."""
    s3 = stack.access.client("s3")
    try:
        for run in runs:
            folders = (f"{key.rpartition('/')[0]}/" for key in (run.key, run.base))
            for prefix in (*folders, claim_key(run.base)):
                for page in s3.get_paginator("list_object_versions").paginate(Bucket=stack.bucket, Prefix=prefix):
                    for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                        s3.delete_object(Bucket=stack.bucket, Key=each["Key"], VersionId=each["VersionId"])
    except ClientError as error:
        return f"s3://{stack.bucket}/{START_PREFIX}{FOLDER}/ and {RESULT_PREFIX}{FOLDER}/ could not be removed: {error}"
    return ""
