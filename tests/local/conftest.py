"""Fixtures: an embedded AWS with the small template in fixtures/, and two ways to look at processes."""

import json
import os
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_aws import system
from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws
from tests.waiting import until

FIXTURES = Path(__file__).with_name("fixtures")
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Workbench:
    """The deployed template, and what tests do with it."""

    def __init__(self, aws, activities):
        self.aws, self.activities = aws, activities
        self.outputs = deploy(aws, FIXTURES / "template.yaml", stack_name="tests")
        self.states = aws.client("stepfunctions")

    def start(self, state, data=None, limit=None):
        """Begin an execution of a state machine with the state T; what is caught goes to C. `limit` is in seconds."""
        end = {} if state["Type"] == "Fail" else {"End": True}
        definition = {
            "StartAt": "T",
            "States": {"T": {**end, **state}, "C": {"Type": "Pass", "End": True}},
            **({"TimeoutSeconds": limit} if limit else {}),
        }
        machine = self.states.create_state_machine(
            name=f"m-{uuid.uuid4().hex}", definition=json.dumps(definition), roleArn=self.outputs["RoleArn"]
        )["stateMachineArn"]
        execution = self.states.start_execution(stateMachineArn=machine, input=json.dumps(data or {}))
        return execution["executionArn"]

    def finish(self, execution):
        def ended():
            found = self.states.describe_execution(executionArn=execution)
            return found if found["status"] in ENDED else None

        found = until(ended, f"the end of {execution}")
        output = json.loads(found["output"]) if "output" in found else None
        return SimpleNamespace(
            status=found["status"], error=found.get("error"), cause=found.get("cause"), output=output
        )

    def run(self, state, data=None):
        return self.finish(self.start(state, data))

    def history(self, execution):
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event["type"] for page in pages for event in page["events"]]

    def invoke(self, do, **kwargs):
        """A Task that invokes the function of fixtures/code/pictures."""
        parameters = {"FunctionName": self.outputs["Alias"], "Payload": {"do": do, **kwargs}}
        return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}

    def submit(self, what, *rest, **settings):
        """A Task that runs the job of fixtures/code/jobs and waits for it."""
        values = dict(zip(("with", "and"), rest, strict=False))
        parameters = {
            "JobName": "job",
            "JobQueue": self.outputs["Queue"],
            "JobDefinition": self.outputs["Job"],
            "Parameters": {"what": what, **values},
            **settings,
        }
        return {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "Parameters": parameters}

    def messages(self, queue, count=1):
        """Messages of a queue, taken out of it."""
        sqs, found = self.aws.client("sqs"), []

        def enough():
            answer = sqs.receive_message(QueueUrl=self.outputs[queue], MessageAttributeNames=["All"])
            for message in answer.get("Messages", []):
                sqs.delete_message(QueueUrl=self.outputs[queue], ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        until(enough)
        return found


@pytest.fixture(scope="package")
def bench(tmp_path_factory):
    activities = []
    state = tmp_path_factory.mktemp("aws")
    with LocalAws(
        FIXTURES / "code",
        state,
        on_activity=activities.append,
        cache_dir=state / "cache",
        batch_jobs_at_once=4,
        lambda_concurrency=100,
        functions_at_once=8,
        retry_delays=(0.5, 1.0),
    ) as aws:
        yield Workbench(aws, activities)


@pytest.fixture(scope="module", params=["by /proc", "without /proc, affinity and prctl"])
def way(request, tmp_path_factory):
    """As on Linux, and with what only Linux has taken away; psutil stands for what it does on macOS."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by /proc":
            if not system.proc_tells():
                pytest.skip("there is no /proc here that tells of children")
        else:
            patch.setattr(system, "PROC", tmp_path_factory.mktemp("nothing") / "proc")
            patch.delattr(os, "sched_getaffinity", raising=False)
            system.proc_tells.cache_clear()
            assert not system.proc_tells()
        yield request.param
    system.proc_tells.cache_clear()
