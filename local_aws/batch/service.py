"""AWS Batch: compute environments, queues, job definitions and jobs."""

from __future__ import annotations

import math
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from local_aws import system
from local_aws.batch import compute_environments
from local_aws.batch.attempts import Attempts
from local_aws.batch.job import Job, JobDefinition
from local_aws.batch.retry import problem_of
from local_aws.batch.slots import Slots
from local_aws.batch.starts import FailedStart
from local_aws.names import arn
from local_aws.sandbox.host import Host
from local_aws.wire import ServiceError

#: vCPUs of a job that needs the processor: the fewest of a Fargate job with 8 GB, and those of a small GPU instance
JOB_VCPUS = 4


def client_error(message: str) -> ServiceError:
    """The error for a request that AWS Batch refuses."""
    return ServiceError("ClientException", message, 400)


class Batch:
    """The jobs, job definitions, queues and compute environments of one embedded AWS.

    Parameters
    ----------
    jobs_at_once:
        How many jobs, array children among them, run at once, whatever memory they ask for. By default as many as
        the host's cores suffice for at `JOB_VCPUS` each, but at least two; and no more than its memory suffices for.
    instance_types:
        Gives the instance types that the Region has; none if they are not known.
    """

    def __init__(
        self,
        host: Host,
        jobs_at_once: int | None = None,
        instance_types: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._attempts = Attempts(host)
        self._instance_types = instance_types
        self.jobs_at_once = jobs_at_once or max(2, host.cores // JOB_VCPUS)
        #: MiB that the jobs at once may ask for together
        self.memory_mb = math.inf if jobs_at_once else system.memory_mb()
        self._slots = Slots(self.jobs_at_once, host.cores, self._run, self.memory_mb)
        self._lock = threading.Lock()
        self._definitions: dict[str, list[JobDefinition]] = {}
        self._queues: dict[str, dict[str, Any]] = {}
        self._compute_environments: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, Job] = {}

    # ------------------------------------------------------------ declarations
    def add_compute_environment(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a compute environment, and return its ARN; each one is this machine.

        Raises
        ------
        ServiceError
            AWS Batch would refuse it: the Region lacks an instance type, or a number is out of its range.
        """
        compute_environments.check(properties, self._instance_types())
        ce_arn = arn("batch", f"compute-environment/{name}")
        facts = {"computeEnvironmentName": name, "computeEnvironmentArn": ce_arn, "status": "VALID", "state": "ENABLED"}
        self._compute_environments[ce_arn] = {**facts, **properties}
        return ce_arn

    def add_queue(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a job queue, and return its ARN.

        Raises
        ------
        ServiceError
            The queue has no priority, or names a compute environment that does not exist.
        """
        if "priority" not in properties:
            raise client_error(f"job queue {name}: priority is required")
        for order in properties.get("computeEnvironmentOrder", []):
            if order["computeEnvironment"] not in self._compute_environments:
                raise client_error(f"computeEnvironment {order['computeEnvironment']} does not exist")
        queue_arn = arn("batch", f"job-queue/{name}")
        facts = {"jobQueueName": name, "jobQueueArn": queue_arn, "status": "VALID", "state": "ENABLED"}
        self._queues[queue_arn] = {**facts, **properties}
        return queue_arn

    def register_definition(self, name: str, properties: Mapping[str, Any]) -> JobDefinition:
        """Add a revision of a job definition.

        Raises
        ------
        ServiceError
            It is not for jobs of one container, or AWS Batch refuses its retry strategy.
        """
        if problem := problem_of(properties.get("retryStrategy", {})):
            raise client_error(f"job definition {name}: {problem}")
        if properties.get("type", "container") != "container" or "containerProperties" not in properties:
            raise client_error(f"job definition {name}: the embedded AWS Batch runs only jobs of one container")
        revisions = self._definitions.setdefault(name, [])
        revision = len(revisions) + 1
        definition_arn = arn("batch", f"job-definition/{name}:{revision}")
        facts = {"jobDefinitionName": name, "jobDefinitionArn": definition_arn, "revision": revision}
        revisions.append(cast(JobDefinition, {**facts, "status": "ACTIVE", "type": "container", **properties}))
        return revisions[-1]

    def definitions(self) -> list[JobDefinition]:
        """Every revision of every job definition."""
        return [revision for revisions in self._definitions.values() for revision in revisions]

    def queues(self) -> list[dict[str, Any]]:
        """Every job queue."""
        return list(self._queues.values())

    def compute_environments(self) -> list[dict[str, Any]]:
        """Every compute environment."""
        return list(self._compute_environments.values())

    def _find_definition(self, reference: str) -> JobDefinition:
        name, _, revision = reference.rpartition("job-definition/")[2].partition(":")
        revisions = self._definitions.get(name, [])
        number = int(revision) if revision.isdigit() else len(revisions)
        if not 1 <= number <= len(revisions):
            raise client_error(f"JobDefinition not found: {reference}")
        return revisions[number - 1]

    def queue_arn(self, reference: str) -> str:
        """The ARN of a queue, by its name or ARN.

        Raises
        ------
        ServiceError
            There is no such queue.
        """
        found = reference if reference.startswith("arn:") else arn("batch", f"job-queue/{reference}")
        if found not in self._queues:
            raise client_error(f"JobQueue {reference} does not exist")
        return found

    # ------------------------------------------------------------ jobs
    def submit(self, request: Mapping[str, Any]) -> Job:
        """Queue a job or an array of jobs; `request` has the fields of SubmitJob.

        Raises
        ------
        ServiceError
            ClientException: the queue or the definition does not exist, or AWS Batch refuses the request.
        """
        _validate(request)
        definition = self._find_definition(request["jobDefinition"])
        queue = self.queue_arn(request["jobQueue"])
        job = Job(str(uuid.uuid4()), request["jobName"], queue, definition, request)
        if job.children:
            job.status = "PENDING"
        with self._lock:
            self._jobs |= {each.id: each for each in (job, *job.children)}
        self._slots.add(job.runs, self._queues[queue]["priority"])
        return job

    def get(self, job_id: str) -> Job | None:
        """The job with this id, or None."""
        with self._lock:
            return self._jobs.get(job_id)

    def jobs(self) -> list[Job]:
        """Every job, array children included."""
        with self._lock:
            return list(self._jobs.values())

    def terminate(self, job_id: str, reason: str, only_waiting: bool = False) -> None:
        """End a job and its children: they fail with `reason`. As on AWS, unknown and finished jobs are ignored.

        With `only_waiting`, jobs that run already go on.
        """
        job = self.get(job_id)
        if job is None or job.finished:
            return
        if job.children:
            job.stop_reason = reason
        for each in job.runs:
            if self._slots.withdraw(each):
                each.stop_reason = reason
                each.finish(False, reason)
            elif not (only_waiting or each.finished):
                each.stop_reason = reason
                if each.sandbox:
                    each.sandbox.terminate()
        self._settle(job)

    def wait(self, job_id: str, seconds: float) -> bool:
        """Wait for the end of a job, at most so long; whether it has ended. An unknown job has."""
        job = self.get(job_id)
        return job is None or job.ended.wait(seconds)

    def fail_starts(self, definition: str, failure: FailedStart, attempts: int) -> None:
        """Let the next so many attempts of jobs of a definition fail before their container runs."""
        self._attempts.starts.fail(definition, failure, attempts)

    def close(self) -> None:
        """Start no more jobs; running jobs go on."""
        self._slots.close()

    def _run(self, job: Job) -> None:
        self._attempts.run(job)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        """End the array to which the job belongs if all its children have ended."""
        with self._lock:
            (job.parent or job).settle()


def _validate(request: Mapping[str, Any]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", request.get("jobName", "")):
        raise client_error("Job name should match valid pattern: up to 128 letters, numbers, hyphens and underscores")
    size = request.get("arrayProperties", {}).get("size")
    if size is not None and not (isinstance(size, int) and 2 <= size <= 10_000):
        raise client_error("Array size must be between 2 and 10,000")
    if request.get("dependsOn"):
        raise client_error("the embedded AWS Batch does not implement dependsOn")
    values = [*request.get("parameters", {}).values()]
    values += [pair["value"] for pair in request.get("containerOverrides", {}).get("environment", [])]
    if not all(isinstance(value, str) for value in values):
        raise client_error("Parameters and environment values must be strings")
