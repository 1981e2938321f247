"""The only place that knows moto's private names: what its Step Functions engine does otherwise than AWS.

Each patch has a test in tests/local/test_moto_patches.py that fails when moto changes so
that the patch doesn't work any more, or isn't needed any more. Written for moto 5.2.5.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any

import botocore.loaders

#: seconds between two looks at a job under `.sync`; moto's own is 0.5
SYNC_POLL_SECONDS = 0.2

ClientFactory = Callable[[str], Any]
TerminateJob = Callable[[str, str], None]


def share_botocore_data() -> None:
    """Let all botocore sessions share one loader, and so one parsed copy of each service's description.

    moto makes a session for every list of regions it wants while it is imported; each one parses
    botocore's endpoints again. This must run before moto is imported.
    """
    if not hasattr(botocore.loaders.create_loader, "cache_info"):
        botocore.loaders.create_loader = functools.cache(botocore.loaders.create_loader)


def apply(engine_client: ClientFactory, terminate_job: TerminateJob) -> None:
    """Patch moto's Step Functions engine.

    Parameters
    ----------
    engine_client:
        Gives the client through which the engine calls a service.
    terminate_job:
        Takes the id of a Batch job that nobody waits for any more, and the reason.
    """
    _configure()
    _use_our_clients(engine_client)
    _format_start_time()
    _name_s3_errors()
    _stop_at_once()
    _terminate_abandoned_jobs(terminate_job)


def _configure() -> None:
    """Really run state machines, and know AWS's own policies."""
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["iam"] = {"load_aws_managed_policies": True}


def _use_our_clients(engine_client: ClientFactory) -> None:
    """The engine makes a new boto3 client for each task: slow, and aimed at a port of an environment variable."""
    from moto.stepfunctions.parser.asl.utils import boto_client

    class Clients:
        @staticmethod
        def client(service_name: str, **_: Any) -> Any:
            return engine_client(service_name)

    boto_client.boto3 = Clients


def _format_start_time() -> None:
    """`$$.Execution.StartTime` is a datetime in moto, which no JSON holds; AWS gives ISO 8601."""
    from moto.stepfunctions.parser.backend import execution_worker

    original = getattr(execution_worker.ExecutionData, "original", execution_worker.ExecutionData)

    def execution_data(**fields: Any) -> Any:
        started = fields["StartTime"].astimezone(datetime.UTC)
        return original(**{**fields, "StartTime": started.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"})

    execution_data.original = original
    execution_worker.ExecutionData = execution_data


def _name_s3_errors() -> None:
    """aws-sdk:s3 errors are `S3.NoSuchKeyException` on AWS, `s3.…` in moto."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk

    state_task_service_aws_sdk._SERVICE_ERROR_NAMES["s3"] = "S3"


def _stop_at_once() -> None:
    """StopExecution leaves the status RUNNING until the task at hand ends; on AWS it is ABORTED at once."""
    from moto.stepfunctions.parser.api import ExecutionStatus
    from moto.stepfunctions.parser.backend.execution import Execution

    original = getattr(Execution.stop, "original", Execution.stop)

    def stop(self: Any, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        original(self, stop_date, error, cause)
        if self.exec_status == ExecutionStatus.RUNNING:
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, stop_date

    stop.original = original
    Execution.stop = stop


def _terminate_abandoned_jobs(terminate_job: TerminateJob) -> None:
    """A job whose `.sync` task timed out or was stopped goes on in moto; AWS terminates it."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
        StateTaskServiceBatch,
    )

    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = SYNC_POLL_SECONDS
    original = getattr(
        StateTaskServiceBatch._build_sync_resolver, "original", StateTaskServiceBatch._build_sync_resolver
    )
    evaluate = state_task_service_callback.StateTaskServiceCallback._eval_sync

    def build_sync_resolver(self: Any, env: Any, *args: Any, **kwargs: Any) -> Callable[[], Any]:
        job_id = env.stack[-1]["JobId"]
        resolver = original(self, env, *args, **kwargs)
        resolver.job_id = job_id
        return resolver

    def eval_sync(self: Any, env: Any, sync_resolver: Any, **kwargs: Any) -> Any:
        outcome = evaluate(self, env=env, sync_resolver=sync_resolver, **kwargs)
        if outcome is None and not env.is_running():
            terminate_job(sync_resolver.job_id, "Terminated by Step Functions: the task ended before the job")
        return outcome

    build_sync_resolver.original = original
    StateTaskServiceBatch._build_sync_resolver = build_sync_resolver
    StateTaskServiceBatch._eval_sync = eval_sync
