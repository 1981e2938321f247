"""The only place that knows moto's private names: what its Step Functions engine does otherwise than AWS.

Each patch has a test in tests/local/stepfunctions/test_moto_patches.py that fails when moto changes so
that the patch doesn't work any more, or isn't needed any more. Written for moto 5.2.5.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.moto_api._internal.models import moto_api_backend
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend import execution_worker
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.responses import StepFunctionResponse

#: seconds between two looks at a job under `.sync`; moto's own is 0.5
SYNC_POLL_SECONDS = 0.2
#: events of a page that doesn't say how many it wants
HISTORY_PAGE = 100

ClientFactory = Callable[[str], Any]
TerminateJob = Callable[[str, str], None]

_boto3 = boto_client.boto3
_execution_data = execution_worker.ExecutionData
_stop = Execution.stop
_set_error = Environment.set_error
_build_sync_resolver = StateTaskServiceBatch._build_sync_resolver
_eval_sync = StateTaskServiceBatch._eval_sync
_get_execution_history = StepFunctionResponse.get_execution_history
_sync_poll_seconds = state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK


def begin() -> None:
    """Begin with an empty AWS, whatever this process did before, in which state machines really run."""
    if default_user_config["stepfunctions"]["execute_state_machine"]:
        moto_api_backend.reset()
    default_user_config["stepfunctions"] = {"execute_state_machine": True}


def patch_engine(engine_client: ClientFactory, terminate_job: TerminateJob) -> None:
    """Patch moto's Step Functions engine.

    Parameters
    ----------
    engine_client:
        Gives the client through which the engine calls a service.
    terminate_job:
        Takes the id of a Batch job that nobody waits for any more, and the reason.
    """
    _use_our_clients(engine_client)
    _format_start_time()
    _name_s3_errors()
    _stop_at_once()
    _stay_stopped()
    _pass_on_reserved_errors()
    _page_history()
    _terminate_abandoned_jobs(terminate_job)


def undo() -> None:
    """moto as it comes: for the tests that show why each patch is needed."""
    boto_client.boto3 = _boto3
    execution_worker.ExecutionData = _execution_data
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES.pop("s3", None)
    Execution.stop = _stop
    Environment.set_error = _set_error
    branches_decl.CustomErrorName = iteration_worker.CustomErrorName = CustomErrorName
    StateTaskServiceBatch._build_sync_resolver = _build_sync_resolver
    StateTaskServiceBatch._eval_sync = _eval_sync
    StepFunctionResponse.get_execution_history = _get_execution_history
    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = _sync_poll_seconds


def _use_our_clients(engine_client: ClientFactory) -> None:
    """The engine makes a new boto3 client for each task: slow, and aimed at a port of an environment variable."""

    class Clients:
        @staticmethod
        def client(service_name: str, **_: Any) -> Any:
            return engine_client(service_name)

    boto_client.boto3 = Clients


def _format_start_time() -> None:
    """`$$.Execution.StartTime` is a datetime in moto, which no JSON holds; AWS gives ISO 8601."""

    def execution_data(**fields: Any) -> Any:
        started = fields["StartTime"].astimezone(datetime.UTC)
        return _execution_data(**{**fields, "StartTime": started.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"})

    execution_worker.ExecutionData = execution_data


def _name_s3_errors() -> None:
    """aws-sdk:s3 errors are `S3.NoSuchKeyException` on AWS, `s3.…` in moto."""
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES["s3"] = "S3"


def _stop_at_once() -> None:
    """StopExecution leaves the status RUNNING until the task at hand ends; on AWS it is ABORTED at once."""

    def stop(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        _stop(self, stop_date, error, cause)
        if self.exec_status == ExecutionStatus.RUNNING:
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, stop_date

    Execution.stop = stop


def _stay_stopped() -> None:
    """An execution that is stopped within a Map ends FAILED, with an error of the engine's own; on AWS, ABORTED."""

    def set_error(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped):
            _set_error(self, error)

    Environment.set_error = set_error


def _pass_on_reserved_errors() -> None:
    """States.TaskFailed, as of a job that fails in a Parallel or a Map, becomes an error of the engine's own there."""

    def error_name(error_name: str | None) -> Any:
        reserved = error_name is not None and error_name.startswith("States.")
        return StatesErrorName.from_name(error_name) if reserved else CustomErrorName(error_name)

    branches_decl.CustomErrorName = iteration_worker.CustomErrorName = error_name


def _page_history() -> None:
    """GetExecutionHistory gives all events, oldest first, whatever is asked for; AWS gives pages, in either order.

    Whoever follows an execution asks many times: writing out all of its events each time kept a
    fifth of a core busy.
    """

    def get_execution_history(self: Any) -> ActionResult:
        events = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))["events"]
        newest_first = bool(self._get_param("reverseOrder"))
        ordered = events[::-1] if newest_first else events
        if token := self._get_param("nextToken"):  # by id: events go on coming
            last = int(token)
            ordered = [event for event in ordered if (event["id"] < last if newest_first else event["id"] > last)]
        limit = self._get_param("maxResults") or HISTORY_PAGE
        page = ordered[:limit]
        more = {"nextToken": str(page[-1]["id"])} if len(ordered) > limit else {}
        return ActionResult({"events": page, **more})

    StepFunctionResponse.get_execution_history = get_execution_history


def _terminate_abandoned_jobs(terminate_job: TerminateJob) -> None:
    """A job whose `.sync` task timed out or was stopped goes on in moto; AWS terminates it."""

    def build_sync_resolver(self: Any, env: Any, *args: Any, **kwargs: Any) -> Callable[[], Any]:
        job_id = env.stack[-1]["JobId"]
        resolver = _build_sync_resolver(self, env, *args, **kwargs)
        resolver.job_id = job_id
        return resolver

    def eval_sync(self: Any, env: Any, sync_resolver: Any, **kwargs: Any) -> Any:
        outcome = None
        if env.is_running():  # or the time-out, which the engine leaves out once it is stopped, is any value
            outcome = _eval_sync(self, env=env, sync_resolver=sync_resolver, **kwargs)
        if not isinstance(outcome, dict):  # neither succeeded nor, which raises, failed
            terminate_job(sync_resolver.job_id, "Terminated by Step Functions: the task ended before the job")
        return outcome

    StateTaskServiceBatch._build_sync_resolver = build_sync_resolver
    StateTaskServiceBatch._eval_sync = eval_sync
    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = SYNC_POLL_SECONDS
