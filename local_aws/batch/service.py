"""AWS Batch's queues, job definitions and jobs, and what can be done with them."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.batch.attempts import Attempts
from local_aws.batch.job import Job
from local_aws.batch.slots import Slots
from local_aws.names import arn
from local_aws.sandbox.host import Host
from local_aws.wire import ServiceError

#: what a job asks for that needs the processor: the least of a Fargate job with 8 GB, and what a GPU's machine has
JOB_VCPUS = 4


def client_error(message: str) -> ServiceError:
    """The caller's mistake."""
    return ServiceError("ClientException", message, 400)


class Batch:
    """The jobs, job definitions, queues and compute environments of one embedded AWS.

    Parameters
    ----------
    jobs_at_once:
        How many jobs, array children among them, run at the same time; when left out as many as the host's cores
        suffice for at `JOB_VCPUS` each, and at least two.
    """

    def __init__(self, host: Host, jobs_at_once: int | None = None) -> None:
        self._attempts = Attempts(host)
        self._slots = Slots(jobs_at_once or max(2, host.cores // JOB_VCPUS), host.cores, self._run)
        self._lock = threading.Lock()
        self._definitions: dict[str, list[dict[str, Any]]] = {}
        self._queues: dict[str, dict[str, Any]] = {}
        self._compute_environments: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, Job] = {}

    # ------------------------------------------------------------ what the template declares
    def add_compute_environment(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a compute environment (locally every one is this machine); its ARN."""
        ce_arn = arn("batch", f"compute-environment/{name}")
        facts = {"computeEnvironmentName": name, "computeEnvironmentArn": ce_arn, "status": "VALID", "state": "ENABLED"}
        self._compute_environments[ce_arn] = {**facts, **properties}
        return ce_arn

    def add_queue(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a job queue; its ARN.

        Raises
        ------
        ServiceError
            It has no priority, or names a compute environment that doesn't exist.
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

    def register_definition(self, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A new revision of a job definition."""
        if properties.get("type", "container") != "container" or "containerProperties" not in properties:
            raise client_error(f"job definition {name}: only jobs of one container run locally")
        revisions = self._definitions.setdefault(name, [])
        revision = len(revisions) + 1
        definition_arn = arn("batch", f"job-definition/{name}:{revision}")
        facts = {"jobDefinitionName": name, "jobDefinitionArn": definition_arn, "revision": revision}
        revisions.append({**facts, "status": "ACTIVE", "type": "container", **properties})
        return revisions[-1]

    def definitions(self) -> list[dict[str, Any]]:
        """Every revision of every job definition."""
        return [revision for revisions in self._definitions.values() for revision in revisions]

    def queues(self) -> list[dict[str, Any]]:
        """Every job queue."""
        return list(self._queues.values())

    def compute_environments(self) -> list[dict[str, Any]]:
        """Every compute environment."""
        return list(self._compute_environments.values())

    def _find_definition(self, reference: str) -> dict[str, Any]:
        name, _, revision = reference.rpartition("job-definition/")[2].partition(":")
        revisions = self._definitions.get(name, [])
        number = int(revision) if revision.isdigit() else len(revisions)
        if not 1 <= number <= len(revisions):
            raise client_error(f"JobDefinition not found: {reference}")
        return revisions[number - 1]

    def _find_queue(self, reference: str) -> str:
        queue_arn = reference if reference.startswith("arn:") else arn("batch", f"job-queue/{reference}")
        if queue_arn not in self._queues:
            raise client_error(f"JobQueue {reference} does not exist")
        return queue_arn

    # ------------------------------------------------------------ jobs
    def submit(self, request: Mapping[str, Any]) -> Job:
        """Start a job, or an array of jobs, as soon as there is room; the fields of the request are SubmitJob's.

        Raises
        ------
        ServiceError
            ClientException: no such queue or definition, or a request that AWS Batch refuses.
        """
        _validate(request)
        definition = self._find_definition(request["jobDefinition"])
        queue = self._find_queue(request["jobQueue"])
        job = Job(str(uuid.uuid4()), request["jobName"], queue, definition, request)
        if job.children:
            job.status = "PENDING"
        with self._lock:
            self._jobs |= {each.id: each for each in (job, *job.children)}
        self._slots.add(job.runs, self._queues[queue]["priority"])
        return job

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            return self._jobs.get(job_id)

    def jobs(self) -> list[Job]:
        """Every job, array children included."""
        with self._lock:
            return list(self._jobs.values())

    def terminate(self, job_id: str, reason: str, only_waiting: bool = False) -> None:
        """End a job and its children; it fails with `reason`. Unknown and finished jobs are left alone, as by AWS."""
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

    def close(self) -> None:
        """Start no more jobs."""
        self._slots.close()

    def _run(self, job: Job) -> None:
        self._attempts.run(job)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        """See whether an array has ended, given any job of it."""
        with self._lock:
            (job.parent or job).settle()


def _validate(request: Mapping[str, Any]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", request.get("jobName", "")):
        raise client_error("Job name should match valid pattern: up to 128 letters, numbers, hyphens and underscores")
    size = request.get("arrayProperties", {}).get("size")
    if size is not None and not (isinstance(size, int) and 2 <= size <= 10_000):
        raise client_error("Array size must be between 2 and 10,000")
    if request.get("dependsOn"):
        raise client_error("dependsOn is not offered by the embedded AWS")
    values = [*request.get("parameters", {}).values()]
    values += [pair["value"] for pair in request.get("containerOverrides", {}).get("environment", [])]
    if not all(isinstance(value, str) for value in values):
        raise client_error("Parameters and environment values must be strings")
