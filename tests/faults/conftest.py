"""The project's workflow on the embedded AWS, with tiny videos, and ways to break it while it runs."""

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks.load import PARAMETERS, tiny_video
from local_aws.cloudformation.deploy import deploy
from local_aws.sandbox.activity import StepStarted
from local_aws.server import LocalAws
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]


class Running:
    """The deployed workflow."""

    def __init__(self, aws, outputs, video, others):
        self.aws, self.bucket, self.machine, self.video = aws, outputs["BucketName"], outputs["StateMachineArn"], video
        self.s3, self.states = aws.client("s3"), aws.client("stepfunctions")
        self.kills, self.folder = [], aws.state_dir.parent
        self._dead_letters, self._letters, self._letters_lock = outputs["DeadLettersUrl"], [], threading.Lock()
        #: processes of other tests
        self._others = others
        #: (name of a step, seconds after its start): the next start of this step is followed by its kill
        self.aim = None

    def heard(self, activity):
        """Kill the process of the step that is aimed at."""
        if not (self.aim and isinstance(activity, StepStarted)):
            return
        named = activity.name.partition("-")[0] if activity.kind == "batch" else activity.name.rpartition("-")[2]
        if named.casefold().removesuffix("function") != self.aim[0]:
            return
        (step, delay), self.aim = self.aim, None
        threading.Thread(target=self._kill, args=(step, delay), daemon=True).start()

    def _kill(self, step, delay):
        time.sleep(delay)
        killed = []
        for sandbox in self.aws.processes.working():
            command = " ".join(sandbox.process.args)
            is_job = "batch_jobs" in command
            if is_job == (step == "yolov3"):
                sandbox.process.kill()
                killed.append(sandbox.process.pid)
        self.kills.append((step, killed))

    def upload(self, name, body=None):
        """Upload a tiny video, or something else; returns the key."""
        self.s3.put_object(Bucket=self.bucket, Key=f"start/{name}.mp4", Body=self.video if body is None else body)
        return f"start/{name}.mp4"

    def executions(self, name):
        """The executions of an upload."""
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return [each for each in found if each["name"].startswith(f"{name}-mp4-")]

    def begun(self, name):
        """The execution of an upload, once there is one."""
        return until(lambda: self.executions(name), f"the start of {name}")[0]["executionArn"]

    def ended(self, name, seconds=2 * PATIENCE_SECONDS):
        """The execution of an upload, once it has ended."""
        arn = self.begun(name)

        def end():
            found = self.states.describe_execution(executionArn=arn)
            return found if found["status"] != "RUNNING" else None

        return until(end, f"the end of {name}", seconds)

    def results(self, name):
        """The results of an upload by their suffixes."""
        prefix = f"result/{name}."
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {each["Key"][len(prefix) - 1 :] for each in listed}

    def report(self, name):
        """The error report of an upload, once it is there."""
        until(lambda: ".error.json" in self.results(name), f"the report of {name}")
        return self.json(name, ".error.json")

    def json(self, name, suffix):
        """A result that is JSON."""
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=f"result/{name}{suffix}")["Body"].read())

    def entered(self, arn):
        """How often an execution entered each state."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = (event for page in pages for event in page["events"])
        return Counter(
            event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
        )

    def letter(self, name):
        """The dead letter about an upload, if there is one."""
        sqs = self.aws.client("sqs")
        with self._letters_lock:
            asked = {"QueueUrl": self._dead_letters, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
            self._letters += [each["Body"] for each in sqs.receive_message(**asked).get("Messages", [])]
        return next((letter for letter in self._letters if name in letter), None)

    def left_over(self):
        """What work has left behind when it has ended."""
        until(lambda: not self.busy(), "the end of all processes")
        sandboxes = self.aws.state_dir / "sandboxes"
        kept = [*sandboxes.glob("environment-*/tmp/*"), *sandboxes.glob("lambda-*"), *sandboxes.glob("batch-*")]
        return {
            "processes": self.busy(),
            "uploads": self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []),
            "folders": [path.name for path in kept],
        }

    def judge(self, name):
        """Results or a named error, nothing partial and nothing left over; returns the status."""
        execution = self.ended(name)
        if execution["status"] == "SUCCEEDED":
            assert {".json", ".avi", ".srt"} <= self.results(name)
            assert ".error.json" not in self.results(name)
        else:
            report = self.report(name)
            assert report["error"], "it has a name"
            assert report["advice"]
            assert self.results(name) == {".error.json"}, "nothing partial"
        until(lambda: not self.busy(), "the end of all processes")
        assert not self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads"), "no upload is left over"
        return execution["status"]

    def busy(self):
        """Processes that work, or that nobody owns any more."""
        found = []
        for child in psutil.Process().children(recursive=True):
            if child in self._others:
                continue
            try:
                if "watchdog" not in " ".join(child.cmdline()) and child.status() != psutil.STATUS_STOPPED:
                    found.append(child.pid)
            except psutil.Error:
                continue
        return found


@contextmanager
def deployed(folder, **settings):
    """The workflow on an embedded AWS of its own."""
    tiny_video(folder / "tiny.mp4")
    told, others = [], psutil.Process().children(recursive=True)
    with LocalAws(
        ROOT, folder / "aws", on_activity=lambda each: [listener(each) for listener in told], retry_delays=(0.5, 1.0),
        **settings,
    ) as aws:  # fmt: skip
        workflow = Running(
            aws, deploy(aws, ROOT / "template.yaml", PARAMETERS, "faults"), (folder / "tiny.mp4").read_bytes(), others
        )
        told.append(workflow.heard)
        yield workflow


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with deployed(tmp_path_factory.mktemp("faults")) as workflow:
        yield workflow
