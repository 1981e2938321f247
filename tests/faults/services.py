"""The services that the state machine calls, as clients of moto's engine: they answer or raise what is planned.

The state machine is the project's own, and so is the code that explains an error (lambdas/failed).
"""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from lambdas.failed.failure import explain
from lambdas.failed.own_error import own_error
from lambdas.failed.segments import errors_of

#: what AWS Batch says of a job that failed
ENDED = "Essential container in task exited"
JOB_ENDS: dict[str, dict[str, Any]] = {
    "job: exit status": {"StatusReason": ENDED, "Container": {"ExitCode": 3}},
    "job: out of memory": {
        "StatusReason": ENDED,
        "Container": {"ExitCode": 137, "Reason": "OutOfMemoryError: Container killed due to memory usage"},
    },
    "job: out of time": {"StatusReason": "Job attempt duration exceeded timeout", "Container": {"ExitCode": 137}},
    "job: image": {"StatusReason": "Task failed to start", "Container": {"Reason": "CannotPullContainerError: 404"}},
    "job: image on Fargate": {
        "StatusReason": "CannotPullContainerError: pull image manifest: i/o timeout",
        "Container": {},
    },
    "job: no credentials": {
        "StatusReason": "ResourceInitializationError: unable to pull secrets or registry auth",
        "Container": {},
    },
    "job: no network": {
        "StatusReason": "Timeout waiting for network interface provisioning to complete.",
        "Container": {},
    },
    "job: no container": {
        "StatusReason": "Task failed to start",
        "Container": {"Reason": "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"},
    },
    "job: name too long": {"StatusReason": "Container Overrides length must be at most 8192", "Container": {}},
    "job: lost machine": {"StatusReason": "Host EC2 (instance i-0a) terminated.", "Container": {}},
    "job: no capacity": {
        "StatusReason": "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT",
        "Container": {},
    },
}


@dataclass
class Plan:
    """What happens to one execution: the errors of each state, in order; the last repeats if `always`."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    always: frozenset[str] = frozenset()
    media: dict[str, Any] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def next_error(self, state: str) -> str | None:
        """The error of this call, or None."""
        error = self.peek(state)
        self.calls[state] += 1
        return error

    def peek(self, state: str) -> str | None:
        """The error of the next call, or None."""
        number = self.calls[state]
        planned = self.errors.get(state, [])
        if number < len(planned):
            return planned[number]
        return planned[-1] if planned and state in self.always else None


class Services:
    """The clients by service, and the plans by the execution's name."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service."""
        return {
            "lambda": SimpleNamespace(invoke=self._invoke),
            "batch": SimpleNamespace(
                submit_job=self._submit,
                describe_jobs=self._describe,
                list_jobs=self._list,
                terminate_job=lambda **_: {},
            ),
            "s3": SimpleNamespace(get_object=self._get_object),
            "sns": SimpleNamespace(publish=self._publish),
            "events": SimpleNamespace(put_events=self._put_events),
        }[service]

    # ------------------------------------------------------------ what the states call
    def _invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:
        event = json.loads(Payload)
        state = FunctionName.rpartition(":")[2]
        plan = self.plans[event["video"]["execution"]]
        error = plan.next_error(state)
        if error and "Lambda." in error and error != "Lambda.Unknown":
            raise _client_error(error)
        if error and error.startswith("States."):
            raise _states_error(error)
        if error:
            payload = {"errorType": error, "errorMessage": f"{error} as planned", "stackTrace": []}
            return _answer(payload) | {"FunctionError": "Unhandled"}
        return _answer(self._report(event) if state == "ReportFailure" else {})

    def _report(self, event: dict[str, Any]) -> dict[str, str]:
        s3, batch = _Bucket(self.plans[event["video"]["execution"]]), SimpleNamespace(get_paginator=self._pages)
        failure = explain(*own_error(s3, event["video"], errors_of(batch, event["error"])))
        text = f"Execution: {event['video']['execution']}\n"
        return {"error": failure["error"], "message": failure["message"], "text": text}

    def _submit(self, JobName: str, JobQueue: str, **request: Any) -> dict[str, Any]:
        video = json.loads(request["Parameters"]["video"])
        step, state = JobName.partition("-")[0], JobQueue
        if step != "yolov3":
            state = {"ffmpeg": "FFmpegOnBatch", "audio2srt": "Audio2srtOnBatch", "merge": "MergeOnBatch"}[step]
        plan = self.plans[video["execution"]]
        error = plan.next_error(state)
        if error and error.startswith("Batch."):
            raise _client_error(error)
        if error and error.startswith("States."):
            raise _states_error(error)
        job = {"JobId": f"{video['execution']}:{state}", "JobName": JobName, "JobQueue": JobQueue}
        if size := (request.get("ArrayProperties") or {}).get("Size"):
            job["ArrayProperties"] = {"Size": size}
        if error is None:
            job |= {"status": "SUCCEEDED", "Status": "SUCCEEDED"}
        elif error in JOB_ENDS:
            job |= {"status": "FAILED", "Status": "FAILED", **JOB_ENDS[error]}
        else:  # the step's own error, which it left in the bucket
            job |= {"status": "FAILED", "Status": "FAILED", "StatusReason": ENDED, "Container": {"ExitCode": 65}}
            plan.media[f"{step}.error.json"] = {
                "error": error, "message": "As planned.", "advice": "None.", "exit_code": 65, "part": 0,
            }  # fmt: skip
        with self._lock:
            self._jobs[job["JobId"]] = job
        return {"JobId": job["JobId"]}

    def _describe(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [self._jobs[job] for job in jobs]}

    def _list(self, ArrayJobId: str, **_: Any) -> dict[str, Any]:
        error = self.plans[ArrayJobId.partition(":")[0]].next_error("FailedSegments")
        if error:
            raise _states_error(error) if error.startswith("States.") else _client_error(error)
        return {
            "JobSummaryList": [{"JobId": f"{ArrayJobId}:1", "StatusReason": "Host EC2 (instance i-0a) terminated."}]
        }

    def _pages(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **__: [])

    def _get_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        plan = self.plans[Key.split("/")[1]]
        if error := plan.next_error("ReadMedia"):
            raise _states_error(error) if error.startswith("States.") else _client_error(error)
        return {"Body": _Text(json.dumps(plan.media["plan.json"]))}

    def _publish(self, Message: str, **_: Any) -> dict[str, Any]:
        name = Message.partition("Execution: ")[2].strip()
        return self._call(name, "NotifyFailure", {"MessageId": "1"})

    def _put_events(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        detail = Entries[0]["Detail"]
        video = (json.loads(detail) if isinstance(detail, str) else detail)["video"]
        if self.plans[video["execution"]].peek("AnnounceResults") == "EventBridge.FailedEntry":
            self.plans[video["execution"]].next_error("AnnounceResults")
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "As planned"}]}
        return self._call(video["execution"], "AnnounceResults", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})

    def _call(self, execution: str, state: str, answer: dict[str, Any]) -> dict[str, Any]:
        if error := self.plans[execution].next_error(state):
            raise _states_error(error) if error.startswith("States.") else _client_error(error)
        return answer


class _Text(str):
    def read(self) -> bytes:
        return self.encode()


class _Bucket:
    """The intermediate objects of one execution, for lambdas/failed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        found = self._plan.media.get(Key.rpartition("/")[2])
        if found is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")  # no role may list the bucket
        return {"Body": io.BytesIO(json.dumps(found).encode())}


def _answer(payload: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "ExecutedVersion": "1", "Payload": io.BytesIO(json.dumps(payload).encode())}


def _client_error(name: str) -> ClientError:
    code = name.partition(".")[2]
    if name.startswith("S3.") and code != "S3Exception":
        code = code.removesuffix("Exception")  # S3's own codes lack it
    meta = {"HTTPStatusCode": 400, "RequestId": "r", "HostId": "", "HTTPHeaders": {}, "RetryAttempts": 0}
    raised = type(code, (ClientError,), {})  # botocore has a class for each of a service's errors
    return raised({"Error": {"Code": code, "Message": "As planned"}, "ResponseMetadata": meta}, "Planned")


class Planned(Exception):
    """An error of the platform itself; `name_platform_errors` turns it into the event that the engine expects."""


def _states_error(name: str) -> Planned:
    return Planned(name)


_from_error = vars(ExecutionState)["_from_error"]


def failure_event(self: Any, env: Any, ex: Exception) -> FailureEvent:
    """In place of ExecutionState._from_error: the event of a planned error of the platform."""
    if not isinstance(ex, Planned):
        return _from_error(self, env, ex)
    details = {"error": str(ex), "cause": "As planned.", "resource": "r", "resourceType": "t"}
    return FailureEvent(
        env=env,
        error_name=StatesErrorName.from_name(str(ex)),
        event_type="TaskFailed",
        event_details=EventDetails(taskFailedEventDetails=details),
    )


__all__ = ["FailureEventException", "Plan", "Services", "failure_event"]
