"""Runs the project's state machine on the embedded AWS with scripted steps."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local_aws.names import function_arn
from local_aws.server import LocalAws
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("template.yaml")


@dataclass(frozen=True)
class Finished:
    """A finished execution."""

    status: str
    error: str | None
    cause: str | None
    #: names of the states entered, in order
    states: list[str]
    #: how often each state's task was scheduled
    tasks: dict[str, int]
    #: `result/….error.json`, if it exists
    report: dict[str, Any] | None
    output: dict[str, Any] | None
    #: all events of the history
    events: list[dict[str, Any]]


class Workflow:
    """The deployed state machine."""

    def __init__(self, aws: LocalAws, bucket: str, state_machine: str, attempts: Path) -> None:
        self.aws, self.bucket, self.state_machine, self._attempts = aws, bucket, state_machine, attempts
        self._ended: list[str] = []
        self.states = aws.client("stepfunctions")

    def start(self, script: dict[str, Any], state_machine: str | None = None, **video: Any) -> str:
        """Start an execution. Return its ARN."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        fields = {"bucket": self.bucket, "key": f"start/{name}.mkv", "execution": name, "script": script, **video}
        return self.states.start_execution(
            stateMachineArn=state_machine or self.state_machine, name=name, input=json.dumps({"video": fields})
        )["executionArn"]

    def definition(self) -> str:
        """The deployed definition as JSON without spaces."""
        found = self.states.describe_state_machine(stateMachineArn=self.state_machine)["definition"]
        return json.dumps(json.loads(found), separators=(",", ":"))

    def variant(self, *literals: str) -> str:
        """Create a variant in which each odd literal is replaced by the one after it. Return its ARN."""
        definition = self.definition()
        for old, new in zip(literals[::2], literals[1::2], strict=True):
            assert old in definition
            definition = definition.replace(old, new)
        role = "arn:aws:iam::123456789012:role/any"
        name = f"variant-{uuid.uuid4().hex[:8]}"
        return self.states.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]

    def hurried(self, function: str) -> str:
        """Create a variant in which the function with this logical id has one second. Return its ARN."""
        name = f"hurried-{function}"
        ordinary, _ = self.aws.functions.get(f"scripted-{function}")
        self.aws.functions.add(replace(ordinary, name=name, timeout=1))
        return self.variant(ordinary.arn, function_arn(name))

    def asleep(self, seconds: float | None, error: str, *functions: str) -> str:
        """Create a variant with sleeping copies of functions, and hurry the Retry for them. Return its ARN.

        Without `seconds` they never wake, and the Retry is soon over.
        """
        literals = ['"IntervalSeconds":10', '"IntervalSeconds":1', '"BackoffRate":1.5', '"BackoffRate":1.0']
        literals += ['"MaxAttempts":8', '"MaxAttempts":60' if seconds else '"MaxAttempts":2']
        for function in functions:
            ordinary, _ = self.aws.functions.get(f"scripted-{function}")
            name = f"asleep-{uuid.uuid4().hex[:8]}"
            self.aws.functions.add(replace(ordinary, name=name))
            self.aws.functions.states.put_to_sleep(name, seconds, error)
            literals += [ordinary.arn, function_arn(name)]
        return self.variant(*literals)

    def end_job(self, execution: str, reason: str, step: str = "yolov3") -> None:
        """End a step's running job for AWS's `reason`, after it has read its script."""

        def running() -> list[str]:
            ids = [job for job in self._jobs(execution, "RUNNING") if job not in self._ended]
            return ids if len(self.attempts(execution, f"{step}-batch")) > self._ended.count(execution) else []

        job = until(running, f"a running job of {execution}")[0]
        self.aws.client("batch").terminate_job(jobId=job, reason=reason)
        self._ended += [execution, job]

    def end_segment(self, execution: str, segment: int, reason: str) -> None:
        """End a child of the running array job for AWS's `reason`, after it has read its script."""
        name = execution.rpartition(":")[2]
        ended = [child for child in self._ended if child.endswith(f":{segment}@{name}")]

        def running() -> list[str]:
            children = [f"{array}:{segment}" for array in self._jobs(execution, "PENDING")]
            children = [child for child in children if f"{child}@{name}" not in ended]
            return children if len(self.attempts(execution, f"yolov3-{segment}-batch")) > len(ended) else []

        child = until(running, f"a running segment {segment} of {execution}")[0]
        self.aws.client("batch").terminate_job(jobId=child, reason=reason)
        self._ended.append(f"{child}@{name}")

    def _jobs(self, execution: str, status: str) -> list[str]:
        batch, name = self.aws.client("batch"), execution.rpartition(":")[2]
        queues = [queue["jobQueueArn"] for queue in batch.describe_job_queues()["jobQueues"]]
        listed = [batch.list_jobs(jobQueue=queue, jobStatus=status)["jobSummaryList"] for queue in queues]
        return [job["jobId"] for jobs in listed for job in jobs if name in job["jobName"]]

    def attempts(self, execution: str, what: str) -> list[Path]:
        """The attempts of a step (or a part, as in `yolov3-2-batch`) that its script counted, one file each."""
        return sorted(self._attempts.glob(f"{execution.rpartition(':')[2]}-{what}-*"))

    def left(self, execution: str, step: str) -> dict[int, str]:
        """Where the finished parts of a step ran: {part: lambda or batch}."""
        s3, prefix = self.aws.client("s3"), f"media/{execution.rpartition(':')[2]}/{step}-"
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]
        bodies = {key: json.loads(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys}
        return {int(key[len(prefix) : len(prefix) + 4]): body["where"] for key, body in bodies.items()}

    def finish(self, execution: str) -> Finished:
        """Wait for the end of an execution."""

        def ended() -> dict[str, Any] | None:
            found = self.states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = until(ended, f"the end of {execution}", 2 * PATIENCE_SECONDS)  # many run at once
        assert found is not None
        states, tasks, state_of = [], {}, {}
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        for event in events:
            entered = event.get("stateEnteredEventDetails")
            state = entered["name"] if entered else state_of.get(event.get("previousEventId", 0), "")
            state_of[event["id"]] = state
            if entered:
                states.append(state)
            if event["type"] == "TaskScheduled":
                tasks[state] = tasks.get(state, 0) + 1
        output = json.loads(found["output"]) if "output" in found else None
        report = self._report(execution)
        return Finished(found["status"], found.get("error"), found.get("cause"), states, tasks, report, output, events)

    def _report(self, execution: str) -> dict[str, Any] | None:
        key = f"result/{execution.rpartition(':')[2]}.error.json"
        s3 = self.aws.client("s3")
        listing = s3.list_objects_v2(Bucket=self.bucket, Prefix=key)
        if not listing["KeyCount"]:
            return None
        return json.loads(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
