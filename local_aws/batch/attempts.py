"""Runs a job: attempt after attempt until it succeeds, is stopped, or may not be tried again."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local_aws.batch.job import Job, milliseconds
from local_aws.batch.retry import TASK_EXITED, TIMED_OUT, should_retry
from local_aws.batch.starts import FailedStart, Starts
from local_aws.sandbox import MEGABYTE, End, Limits, Outcome, Sandbox
from local_aws.sandbox.activity import StepEnded, StepLog, StepStarted
from local_aws.sandbox.containers import PID_FILE
from local_aws.sandbox.host import Host

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
#: most characters of a job's command, environment and resources as JSON, and what becomes of a job that has more
MAX_OVERRIDES = 8192
OVERRIDES_TOO_LONG = f"Container Overrides length must be at most {MAX_OVERRIDES}"
#: exit status of a killed container (128 + SIGKILL)
KILLED = 137


class _Ending(NamedTuple):
    """How an attempt ended, in AWS's words; `seconds` is its duration. There is no exit code if it did not start."""

    exit_code: int | None
    reason: str
    status_reason: str
    seconds: float


class Attempts:
    """Runs jobs on a host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.starts = Starts()

    def run(self, job: Job) -> None:
        """Run a job to its end."""
        if job.overrides_length() > MAX_OVERRIDES:  # Amazon ECS takes no such task, so there is no attempt
            job.finish(False, OVERRIDES_TOO_LONG)
            return
        while job.stop_reason is None and self._attempt(job):
            pass
        succeeded = job.stop_reason is None and job.container.get("exitCode") == 0
        job.finish(succeeded, job.stop_reason or job.status_reason)

    def _attempt(self, job: Job) -> bool:
        """Run the job once; returns whether it has to run again."""
        if failure := self.starts.next_failure(job.definition["jobDefinitionName"]):
            return self._not_started(job, failure)
        job.started, job.status = milliseconds(), "RUNNING"
        self._host.listener(StepStarted("batch", job.name, job.id))
        tmp = self._host.sandboxes / f"batch-{uuid.uuid4().hex}"
        try:
            tmp.mkdir(mode=0o700)
            ending = _judge(self._run_command(job, tmp))
        except OSError as error:
            ending = _Ending(127, f"CannotStartContainerError: {error}", "Task failed to start", 0.0)
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
        self._record(job, ending)
        return self._again(job, ending)

    def _not_started(self, job: Job, failure: FailedStart) -> bool:
        job.started, job.status = None, "STARTING"
        ending = _Ending(None, failure.reason, failure.status_reason, 0.0)
        self._record(job, ending)
        return self._again(job, ending)

    def _again(self, job: Job, ending: _Ending) -> bool:
        if ending.exit_code == 0 or ending.status_reason == TIMED_OUT or job.stop_reason is not None:
            return False
        return should_retry(
            job.retry_strategy(), len(job.attempts), ending.exit_code, ending.reason, ending.status_reason
        )

    def _record(self, job: Job, ending: _Ending) -> None:
        container: dict[str, Any] = {"reason": ending.reason} if ending.reason else {}
        if ending.exit_code is not None:  # else there never was a container
            facts = {"exitCode": ending.exit_code, "logStreamName": job.log_stream, "taskArn": job.task_arn}
            container = {**facts, "networkInterfaces": [], **container}
        job.container = container
        job.status_reason = job.stop_reason or ending.status_reason
        times = {"startedAt": job.started, "stoppedAt": milliseconds()}
        attempt = {"container": container, **times, "statusReason": job.status_reason}
        job.attempts.append({name: value for name, value in attempt.items() if value is not None})
        succeeded = ending.exit_code == 0 and job.stop_reason is None
        error_name = None if succeeded else ending.reason or job.status_reason
        self._host.listener(StepEnded("batch", job.name, job.id, ending.seconds, error_name))

    def _run_command(self, job: Job, tmp: Path) -> Outcome:
        def on_start(sandbox: Sandbox) -> None:
            job.sandbox = sandbox
            if job.stop_reason is not None:  # it was stopped between the check and the start
                sandbox.terminate()

        def on_line(line: str) -> None:
            self._host.listener(StepLog("batch", job.name, job.id, line))

        credentials = self._host.credentials(job.definition["containerProperties"].get("jobRoleArn", ""))
        if containers := self._host.containers:
            command = containers.job(job.definition["containerProperties"], job.command(), job.environment(), tmp)
            environment = {**os.environ, **credentials}
        else:
            command = _argv(job.command())
            environment = {**self._host.environment, "PYTHONUNBUFFERED": "1", "TMPDIR": os.fspath(tmp)}
            environment |= job.environment() | dict(credentials)
        return self._host.processes.run(
            command,
            env=environment,
            cwd=self._host.code,
            limits=Limits(
                seconds=job.timeout().get("attemptDurationSeconds"),
                memory_bytes=job.memory_mb() * MEGABYTE,
                container=tmp / PID_FILE if containers else None,
            ),
            on_line=on_line,
            log=self._host.logs / "batch" / job.name / f"{job.id.replace(':', '-')}.log",
            on_start=on_start,
        )


def _argv(command: Sequence[str]) -> list[str]:
    """The command with this interpreter in place of the image's `python`."""
    return [sys.executable, *command[1:]] if command and command[0] in ("python", "python3") else list(command)


def _judge(outcome: Outcome) -> _Ending:
    if outcome.end is End.TIMED_OUT:
        return _Ending(KILLED, "", TIMED_OUT, outcome.seconds)
    if outcome.end is End.OUT_OF_MEMORY:
        return _Ending(KILLED, OUT_OF_MEMORY, TASK_EXITED, outcome.seconds)
    exit_code = outcome.returncode if outcome.returncode >= 0 else 128 - outcome.returncode
    return _Ending(exit_code, "", TASK_EXITED, outcome.seconds)
