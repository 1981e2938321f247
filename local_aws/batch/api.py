"""The HTTP interface of AWS Batch: the operations that Step Functions, job code and the AWS CLI use here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.batch.job import JobDefinition
from local_aws.batch.service import Batch
from local_aws.coverage import AS_AWS, KEPT, Operation, differs
from local_aws.wire import Environ, Reply, ServiceError, read_json

Request = Mapping[str, Any]


class BatchApi:
    """Answers requests that are signed for `batch`."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        operation = OPERATIONS.get(environ["PATH_INFO"])
        try:
            if operation is None:
                message = f"{environ['PATH_INFO']}: the embedded AWS Batch does not have this operation"
                raise ServiceError("ClientException", message, 501)
            return Reply.of_json(operation.handler(self._batch, read_json(environ)))
        except ServiceError as error:
            return Reply.of_error(error)


def _submit(batch: Batch, request: Request) -> dict[str, Any]:
    job = batch.submit(request)
    return {"jobId": job.id, "jobName": job.name, "jobArn": job.arn}


def _describe(batch: Batch, request: Request) -> dict[str, Any]:
    found = (batch.get(job_id) for job_id in request["jobs"])
    return {"jobs": [job.describe() for job in found if job]}


def _list(batch: Batch, request: Request) -> dict[str, Any]:
    """The jobs of a queue or the children of an array: those that are RUNNING, unless the request names a status."""
    status = request.get("jobStatus", "RUNNING")
    if "arrayJobId" in request:
        parent = batch.get(request["arrayJobId"])
        among = parent.children if parent else []
    else:
        queue = batch.queue_arn(request.get("jobQueue", ""))
        among = [job for job in batch.jobs() if job.parent is None and job.queue == queue]
    return {"jobSummaryList": [job.summarize() for job in among if job.status == status]}


def _terminate(batch: Batch, request: Request) -> dict[str, Any]:
    batch.terminate(request["jobId"], request["reason"])
    return {}


def _cancel(batch: Batch, request: Request) -> dict[str, Any]:
    batch.terminate(request["jobId"], request["reason"], only_waiting=True)
    return {}


def _register(batch: Batch, request: Request) -> dict[str, Any]:
    properties = {name: value for name, value in request.items() if name != "jobDefinitionName"}
    definition = batch.register_definition(request["jobDefinitionName"], properties)
    return {
        "jobDefinitionName": definition["jobDefinitionName"],
        "jobDefinitionArn": definition["jobDefinitionArn"],
        "revision": definition["revision"],
    }


def _describe_definitions(batch: Batch, request: Request) -> dict[str, Any]:
    wanted, name = request.get("jobDefinitions"), request.get("jobDefinitionName")
    found = [
        definition
        for definition in batch.definitions()
        if (name is None or definition["jobDefinitionName"] == name)
        and (wanted is None or definition["jobDefinitionArn"] in wanted or _short(definition) in wanted)
    ]
    return {"jobDefinitions": found}


def _short(definition: JobDefinition) -> str:
    return f"{definition['jobDefinitionName']}:{definition['revision']}"


def _describe_queues(batch: Batch, request: Request) -> dict[str, Any]:
    return {"jobQueues": _among(batch.queues(), request.get("jobQueues"), "jobQueue")}


def _describe_compute_environments(batch: Batch, request: Request) -> dict[str, Any]:
    wanted = request.get("computeEnvironments")
    return {"computeEnvironments": _among(batch.compute_environments(), wanted, "computeEnvironment")}


def _among(resources: list[dict[str, Any]], wanted: list[str] | None, kind: str) -> list[dict[str, Any]]:
    """The resources whose name or ARN is wanted; all of them if `wanted` is None."""
    return [each for each in resources if wanted is None or {each[f"{kind}Name"], each[f"{kind}Arn"]} & {*wanted}]


#: by the request's path
OPERATIONS: dict[str, Operation[Callable[[Batch, Request], dict[str, Any]]]] = {
    "/v1/submitjob": Operation(
        "SubmitJob",
        _submit,
        differs("`dependsOn` is refused; vCPUs and GPUs in the request are ignored: jobs share this machine's cores"),
    ),
    "/v1/describejobs": Operation(
        "DescribeJobs", _describe, differs("a job's output is in a file, not in its log stream")
    ),
    "/v1/listjobs": Operation("ListJobs", _list, differs("all on one page; `filters` are ignored")),
    "/v1/terminatejob": Operation("TerminateJob", _terminate, AS_AWS),
    "/v1/canceljob": Operation("CancelJob", _cancel, differs("`isCancelled` stays false")),
    "/v1/registerjobdefinition": Operation(
        "RegisterJobDefinition", _register, differs("only jobs of one container; memory and time limits are enforced")
    ),
    "/v1/describejobdefinitions": Operation(
        "DescribeJobDefinitions", _describe_definitions, differs("all on one page; `status` is ignored")
    ),
    "/v1/describejobqueues": Operation("DescribeJobQueues", _describe_queues, differs("all on one page")),
    "/v1/describecomputeenvironments": Operation("DescribeComputeEnvironments", _describe_compute_environments, KEPT),
}
