"""What moto's Step Functions engine does otherwise than AWS. Only this module and `redrives` use moto's private names.

Each patch says what has to change in moto before the patch can go. Its test in tests/local/stepfunctions/
test_moto_patches.py fails when moto changes so that it no longer works or is no longer needed. For moto 5.2.5.
"""

from __future__ import annotations

import datetime
import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.moto_api._internal.models import moto_api_backend
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError, ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.utils import TMP_THREADS
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.stepfunctions import redrives
from local_aws.stepfunctions.engine import Engine
from local_aws.stepfunctions.patching import PATCHES, apply, patch, replace

__all__ = ["PATCHES", "apply", "begin"]

logger = logging.getLogger(__name__)
#: how a program ends by itself
ENDED = (ProgramEnded, ProgramError, ProgramTimedOut)
#: seconds between two looks at whether an execution that waits for a job was stopped
STOP_POLL_SECONDS = 0.25
#: longest time until an execution that begins can be stopped, in seconds: its thread parses the definition first
BEGINS_WITHIN_SECONDS = 10.0
#: events on a page of the history if the request does not say how many
HISTORY_PAGE = 100


def begin() -> None:
    """Start with an empty AWS, whatever this process did before, whose state machines really run."""
    if default_user_config["stepfunctions"]["execute_state_machine"]:
        moto_api_backend.reset()
    default_user_config["stepfunctions"] = {"execute_state_machine": True}


@patch(goes_when="takes its boto3 clients from a factory that a caller can set.")
def use_our_clients(engine: Engine) -> None:
    """moto makes a new boto3 client for each task, which is slow and has the port of an environment variable."""

    clients = SimpleNamespace(client=lambda service_name, **_: engine.client(service_name))
    replace(boto_client, "boto3", clients)


@patch(goes_when="puts `$$.Execution.StartTime` into the context object as text.")
def format_start_time(_: Engine) -> None:
    """In moto `$$.Execution.StartTime` is a datetime, which no JSON holds; on AWS it is ISO 8601 text."""
    original = execution_worker.ExecutionData

    def execution_data(**fields: Any) -> Any:
        started = fields["StartTime"].astimezone(datetime.UTC)
        return original(**{**fields, "StartTime": started.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"})

    replace(execution_worker, "ExecutionData", execution_data)


@patch(goes_when="has `s3` among the service names of its aws-sdk integration (`_SERVICE_ERROR_NAMES`).")
def name_s3_errors(_: Engine) -> None:
    """An error of aws-sdk:s3 is `S3.NoSuchKeyException` on AWS and `s3.NoSuchKeyException` in moto."""
    names = {**state_task_service_aws_sdk._SERVICE_ERROR_NAMES, "s3": "S3"}
    replace(state_task_service_aws_sdk, "_SERVICE_ERROR_NAMES", names)


@patch(goes_when="sets the status ABORTED before StopExecution answers.")
def stop_at_once(_: Engine) -> None:
    """After StopExecution moto's status is RUNNING until the current task ends; on AWS it is ABORTED at once."""
    original = Execution.stop

    def stop(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        original(self, stop_date, error, cause)
        if self.exec_status != ExecutionStatus.RUNNING:
            return
        if isinstance(self.exec_worker.env.program_state(), ENDED):  # too late: the status does not follow yet
            self.exec_worker._execution_communication._reflect_execution_status()
        else:
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, stop_date

    replace(Execution, "stop", stop)


@patch(goes_when="names the errors of the optimised integration of EventBridge.")
def name_event_errors(_: Engine) -> None:
    """An error of PutEvents is `EventBridge.InternalException` on AWS and States.Runtime in moto."""
    original: Callable[..., Any] = StateTaskServiceEvents._from_error

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return original(self, env=env, ex=ex)
        name, cause = f"EventBridge.{ex.response['Error']['Code']}", ex.response["Error"]["Message"]
        kind = {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
        details: Any = {"taskFailedEventDetails": {"error": name, "cause": cause, **kind}}
        return FailureEvent(env, CustomErrorName(name), HistoryEventType.TaskFailed, details)

    replace(StateTaskServiceEvents, "_from_error", from_error)


@patch(goes_when="matches States.ALL and States.TaskFailed as AWS does.")
def match_wildcards(_: Engine) -> None:
    """In moto States.ALL matches the errors that end an execution, and States.TaskFailed none of States.*.

    On AWS nothing catches States.Runtime and States.DataLimitExceeded, and States.TaskFailed matches all others but
    States.Timeout.
    """
    evaluate: Callable[[Any, Any], None] = ErrorEqualsDecl._eval_body

    def eval_body(self: Any, env: Any) -> None:
        name, names = env.stack[-1].error_name, [each.error_name for each in self.error_names]
        evaluate(self, env)
        if name in ("States.Runtime", "States.DataLimitExceeded"):
            env.stack[-1] = name in names
        elif "States.TaskFailed" in names:
            env.stack[-1] = name in names or name != "States.Timeout"

    replace(ErrorEqualsDecl, "_eval_body", eval_body)


@patch(goes_when="passes on `error` and `cause` of StopExecution.")
def keep_why_stopped(_: Engine) -> None:
    """moto forgets why an execution was stopped; on AWS DescribeExecution tells StopExecution's error and cause."""

    def stop_execution(self: Any) -> ActionResult:
        execution: Any = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        now = datetime.datetime.now(datetime.UTC)
        execution.stop(stop_date=now, error=self._get_param("error"), cause=self._get_param("cause"))
        return ActionResult({"stopDate": now})

    replace(StepFunctionResponse, "stop_execution", stop_execution)


@patch(goes_when="keeps the state `ProgramStopped` when an iteration of a Map ends with an error after it.")
def stay_stopped(_: Engine) -> None:
    """An execution that is stopped within a Map ends FAILED with an internal error in moto; on AWS it is ABORTED."""
    set_error, set_timed_out = Environment.set_error, Environment.set_timed_out

    def fail(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            set_error(self, error)

    def time_out(self: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            set_timed_out(self)

    replace(Environment, "set_error", fail)
    replace(Environment, "set_timed_out", time_out)


@patch(goes_when="takes the time-out of a task for its event only if it has put one there.")
def know_the_time_out(_: Engine) -> None:
    """If another branch fails just before a task, moto logs another value as its time-out: no history can be read."""

    def evaluate(self: Any, env: Any) -> None:
        env.stack.append(self.timeout_seconds)  # also in an engine that was stopped

    replace(TimeoutSeconds, "eval", evaluate)


@patch(goes_when="lets a Parallel or a Map end with an error whose name begins with `States.`.")
def pass_on_reserved_errors(_: Engine) -> None:
    """States.TaskFailed within a Parallel or a Map, as of a failed job, becomes an internal error in moto."""

    def error_name(error_name: str | None) -> Any:
        if error_name is not None and error_name.startswith("States."):
            return StatesErrorName.from_name(error_name)
        return CustomErrorName(error_name)

    replace(branches_decl, "CustomErrorName", error_name)
    replace(iteration_worker, "CustomErrorName", error_name)


@patch(goes_when="implements maxResults, nextToken and reverseOrder of GetExecutionHistory.")
def page_history(_: Engine) -> None:
    """moto's GetExecutionHistory returns all events, oldest first, whatever the request says; AWS's returns pages.

    A caller that follows an execution asks many times. Writing out all events each time kept a fifth of a core busy.
    """

    def get_execution_history(self: Any) -> ActionResult:
        events = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))["events"]
        newest_first = bool(self._get_param("reverseOrder"))
        ordered = events[::-1] if newest_first else events
        if token := self._get_param("nextToken"):  # an event's id, because events are added all the time
            last = int(token)
            ordered = [event for event in ordered if (event["id"] < last if newest_first else event["id"] > last)]
        limit = self._get_param("maxResults") or HISTORY_PAGE
        page = ordered[:limit]
        more = {"nextToken": str(page[-1]["id"])} if len(ordered) > limit else {}
        return ActionResult({"events": page, **more})

    replace(StepFunctionResponse, "get_execution_history", get_execution_history)


@patch(goes_when="calls TerminateJob when a `.sync` task of Batch times out or is stopped.")
def terminate_abandoned_jobs(engine: Engine) -> None:
    """A job whose `.sync` task timed out or was stopped goes on in moto; AWS terminates it."""
    build, evaluate = StateTaskServiceBatch._build_sync_resolver, StateTaskServiceBatch._eval_sync

    def build_sync_resolver(self: Any, env: Any, *args: Any, **kwargs: Any) -> Any:
        job_id = env.stack[-1]["JobId"]
        resolver: Any = build(self, env, *args, **kwargs)
        resolver.job_id = job_id
        return resolver

    def eval_sync(self: Any, env: Any, sync_resolver: Any, **kwargs: Any) -> Any:
        outcome = None
        if env.is_running():  # a stopped engine never pushed the time-out: this would take another value for it
            outcome = evaluate(self, env=env, sync_resolver=sync_resolver, **kwargs)
        if not isinstance(outcome, dict):  # the job has not succeeded; a job that failed raises
            engine.terminate_job(sync_resolver.job_id, "Terminated by Step Functions: the task ended before the job")
        return outcome

    replace(StateTaskServiceBatch, "_build_sync_resolver", build_sync_resolver)
    replace(StateTaskServiceBatch, "_eval_sync", eval_sync)


@patch(goes_when="waits for the event of a job under `.sync`, as AWS does, instead of asking for it.")
def await_jobs(engine: Engine) -> None:
    """moto asks AWS Batch for each job under `.sync` twice a second; a hundred waiting jobs kept a core busy."""
    build = StateTaskServiceBatch._build_sync_resolver

    def build_sync_resolver(self: Any, env: Any, *args: Any, **kwargs: Any) -> Any:
        job_id = env.stack[-1]["JobId"]
        resolver: Any = build(self, env, *args, **kwargs)

        def resolve_when_ended() -> Any:
            return resolver() if engine.wait_for_job(job_id, STOP_POLL_SECONDS) else None

        resolve_when_ended.job_id = job_id  # type: ignore[attr-defined]  # terminate_abandoned_jobs reads it
        return resolve_when_ended

    replace(StateTaskServiceBatch, "_build_sync_resolver", build_sync_resolver)
    replace(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0)


@patch(goes_when="parses a state machine once, and not for each of its executions.")
def parse_once(_: Engine) -> None:
    """moto parses the definition anew for each execution: 80 ms for this project's. What it parses keeps no state."""

    parser = SimpleNamespace(parse=functools.lru_cache(8)(AmazonStateLanguageParser.parse))
    replace(execution_worker, "AmazonStateLanguageParser", parser)


@patch(goes_when="works on a limited number of executions at once, and keeps no list of its threads.")
def work_on_few_executions(engine: Engine) -> None:
    """In moto each execution has ten threads, and a list keeps all threads. Here some executions wait, RUNNING."""
    waiting: deque[Any] = deque()
    lock, running = threading.Lock(), [0]

    def start(self: Any) -> None:
        with lock:
            if running[0] >= engine.at_once:
                waiting.append(self)
                return
            running[0] += 1
        threading.Thread(target=work, args=(self,), name="execution", daemon=True).start()

    def work(worker: Any) -> None:
        while worker is not None:
            try:
                worker._execution_logic()
            except Exception:
                logger.exception("an execution ended unexpectedly")
            TMP_THREADS.clear()
            with lock:
                worker = waiting.popleft() if waiting else None
                running[0] -= worker is None

    def stop(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        with lock:
            if self in waiting:
                waiting.remove(self)
                self.env = self.env or self._get_evaluation_environment()
        end = time.monotonic() + BEGINS_WITHIN_SECONDS
        while self.env is None and time.monotonic() < end:  # its thread parses the definition
            time.sleep(0.005)
        self.env.set_stop(stop_date=stop_date, cause=cause, error=error)

    replace(ExecutionWorker, "start", start)
    replace(ExecutionWorker, "stop", stop)


@patch(goes_when='sends the event "Step Functions Execution Status Change" to EventBridge.')
def tell_status_changes(engine: Engine) -> None:
    """AWS sends an event for each change of an execution's status, and moto none."""
    begin_execution, terminated = Execution.start, BaseExecutionWorkerCommunication.terminated
    stop = Execution.stop
    told: set[str] = set()
    lock = threading.Lock()

    def tell(execution: Any) -> None:
        with lock:
            key = f"{execution.exec_arn} {redrives.redrives_of(execution).count} {execution.exec_status.value}"
            if key in told:
                return
            told.add(key)
        engine.tell_status(execution.to_describe_output())

    def start(self: Any) -> None:
        self.exec_status = ExecutionStatus.RUNNING
        tell(self)
        begin_execution(self)

    def ended(self: Any) -> None:
        if self.execution.exec_worker._execution_communication is not self:
            return  # it was stopped and redriven before its last task ended
        aborted = self.execution.exec_status == ExecutionStatus.ABORTED
        terminated(self)
        if aborted:  # its last task may have succeeded meanwhile
            self.execution.exec_status = ExecutionStatus.ABORTED
        tell(self.execution)

    def stop_execution(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        stop(self, stop_date, error, cause)
        if self.exec_status == ExecutionStatus.ABORTED:
            self.error, self.cause = error, cause
            tell(self)

    replace(Execution, "start", start)
    replace(BaseExecutionWorkerCommunication, "terminated", ended)
    replace(Execution, "stop", stop_execution)


@patch(goes_when="implements RedriveExecution.")
def redrive_executions(engine: Engine) -> None:
    """moto has no RedriveExecution."""
    for owner, name, value in redrives.replacements(lambda each: engine.tell_status(each.to_describe_output())):
        replace(owner, name, value)
