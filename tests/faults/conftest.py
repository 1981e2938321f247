"""The project's workflow on the embedded AWS, with tiny videos, and ways to break it while it runs."""

import json
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from benchmarks.load import PARAMETERS, tiny_video
from local_aws.cloudformation.deploy import deploy
from local_aws.sandbox.activity import StepStarted
from local_aws.server import LocalAws
from tests.faults.s3_faults import FaultyS3, Injection, hold_fault, kill_fault
from tests.result_sets import ALL
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]


#: the suffixes of all results of the tiny video, and its frames
COMPLETE, FRAMES = ALL, 10
#: the role of each step that can be killed, in the requests that it signs
ROLES_OF = {
    "start": "-StartFunctionRole",
    "ffmpeg": "-FFmpegFunctionRole",
    "audio2srt": "-Audio2srtFunctionRole",
    "yolov3": "-Yolov3JobRole",
    "merge": "-MergeFunctionRole",
    "failed": "-FailedFunctionRole",
}


def step_of(kind, name):
    """The step of a job or of a function, by its name."""
    named = name.partition("-")[0] if kind == "batch" else name.rpartition("-")[2]
    return named.casefold().removesuffix("function")


class Statuses:
    """The statuses of executions by EventBridge's events: a hundred waits that ask would keep a core busy."""

    def __init__(self, events):
        self._known, self._changed = {}, threading.Condition()
        self._publish, events.publish = events.publish, self._heard

    def _heard(self, event, *bus):
        self._publish(event, *bus)
        if event["source"] == "aws.states":
            with self._changed:
                self._known[event["detail"]["executionArn"]] = event["detail"]["status"]
                self._changed.notify_all()

    def wait(self, name, ended, seconds):
        """The ARN of the first execution of an upload, once it has begun or has `ended`."""

        def found():
            begun = (arn for arn in self._known if arn.rpartition(":")[2].startswith(f"{name}-mp4-"))
            arn = next(begun, None)
            return arn if arn and not (ended and self._known[arn] == "RUNNING") else None

        with self._changed:
            arn = self._changed.wait_for(found, seconds)
        assert arn, f"the {'end' if ended else 'start'} of {name} did not come within {seconds:g} s"
        return arn


class Running:
    """The deployed workflow."""

    def __init__(self, aws, outputs, video, others, faults=None):
        self._statuses = Statuses(aws.events)
        self.aws, self.bucket, self.machine, self.video = aws, outputs["BucketName"], outputs["StateMachineArn"], video
        self.s3, self.states = aws.client("s3"), aws.client("stepfunctions")
        self.folder = aws.state_dir.parent
        #: the embedded S3, for which faults can be planned
        self.faults = aws.s3 = faults or FaultyS3(aws.s3)
        #: the processes that were killed, by the name of their step
        self.kills = []
        self._dead_letters, self._letters, self._letters_lock = outputs["DeadLettersUrl"], [], threading.Lock()
        #: processes of other tests
        self._others = others
        #: name of a step: its next process is killed as soon as it works
        self.aim = None

    def heard(self, activity):
        """Kill the process of the step that is aimed at."""
        if isinstance(activity, StepStarted) and self.aim and self.aim == step_of(activity.kind, activity.name):
            step, self.aim = self.aim, None
            threading.Thread(target=self._kill, args=(step,), daemon=True).start()

    def _kill(self, step):
        until(lambda: self._kill_now(step), f"a process of {step}")

    def _kill_now(self, step):
        """Kill all processes of a step that work; returns their number."""
        found = [process for name, process in self.working() if name == step and process.poll() is None]
        for process in found:
            process.kill()
            self.kills.append((step, process.pid))
        return len(found)

    def working(self):
        """The steps that work, and their processes."""
        found = []
        for sandbox in self.aws.processes.working():
            if marker := sandbox.limits.starts_with:  # of an invocation of a function
                with suppress(OSError):
                    facts = json.loads((marker.parent / "invocation.json").read_text())
                    found.append((step_of("lambda", facts["function_name"]), sandbox.process))
            elif job := next((part for part in sandbox.process.args if part.startswith("batch_jobs.")), None):
                found.append((job.split(".")[1], sandbox.process))
        return found

    def second_stack(self, **parameters):
        """The workflow once more on the same embedded AWS, with other parameters."""
        outputs = deploy(self.aws, ROOT / "template.yaml", {**PARAMETERS, **parameters}, "faults-2")
        return Running(self.aws, outputs, self.video, self._others, self.faults)

    def kill_at(self, step, request, when, role=None):
        """Plan to kill the process of a step at one of its requests to S3: "before" it, "after" it, or "later"."""
        ended, role = threading.Event(), role or ROLES_OF[step]
        held = Injection("", role, hold_fault(ended))

        def kill():
            self._kill_now(step)
            if when == "later":
                self.faults.injections.remove(held)
                ended.set()

        planned = Injection("", role, kill_fault(when, kill), 1, skip=request)
        self.faults.injections += [planned, held] if when == "later" else [planned]
        return planned

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
        return self._statuses.wait(name, ended=False, seconds=PATIENCE_SECONDS)

    def ended(self, name, seconds=3 * PATIENCE_SECONDS):
        """The execution of an upload, once it has ended."""
        arn = self._statuses.wait(name, ended=True, seconds=seconds)
        return self.states.describe_execution(executionArn=arn)

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
        until(lambda: {".error.json", ".json"} & self.results(name), f"results of {name}, or a report")
        until(lambda: not self.busy(), "the end of all processes")  # a function goes on if its execution is stopped
        until(
            lambda: len({".error.json", ".json"} & self.results(name)) == 1, f"results of {name} or a report, not both"
        )
        if ".json" in self.results(name):
            assert self.results(name) == COMPLETE, "nothing partial"
            assert self.json(name, ".json")["input"]["picture"]["frames"] == FRAMES
            assert execution["status"] != "FAILED"
        else:
            report = self.report(name)
            assert report["error"], "it has a name"
            assert report["advice"]
            assert self.results(name) == {".error.json"}, "nothing partial"
            assert execution["status"] != "SUCCEEDED"
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
def deployed(folder, parameters=None, **settings):
    """The workflow on an embedded AWS of its own, with these parameters of the template besides the usual ones."""
    tiny_video(folder / "tiny.mp4")
    told, others = [], psutil.Process().children(recursive=True)
    with LocalAws(
        ROOT, folder / "aws", on_activity=lambda each: [listener(each) for listener in told], retry_delays=(0.5, 1.0),
        **settings,
    ) as aws:  # fmt: skip
        workflow = Running(
            aws,
            deploy(aws, ROOT / "template.yaml", {**PARAMETERS, **(parameters or {})}, "faults"),
            (folder / "tiny.mp4").read_bytes(),
            others,
        )
        told.append(workflow.heard)
        yield workflow


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with deployed(tmp_path_factory.mktemp("faults")) as workflow:
        yield workflow
