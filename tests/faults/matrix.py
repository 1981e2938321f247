"""Which way each error takes in each state that can raise it: the table that the tests run and docs/faults.md shows.

The names are AWS's (AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows"; the service
models of botocore) and this project's (avflow/errors.py). `test_matrix.py` checks that none and no state is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from botocore.loaders import create_loader

from avflow import errors


class Way(Enum):
    """What becomes of the run."""

    RETRIED = "retried; the run succeeds"
    BATCH = "moves to Batch; the run succeeds"
    ON_DEMAND = "moves to a GPU on demand; the run succeeds"
    NAMED = "the run fails by this name"
    TOLD = "the run fails by this name; the rule of EventBridge reports it"
    UNREPORTED = "the run fails by the first error's name; the rule of EventBridge reports it"
    GOES_ON = "the run goes on without it"
    LETTER = "no run starts; the dead-letter queue keeps the event"


@dataclass(frozen=True)
class Rule:
    """What each of `names` does in each of `states`.

    Parameters
    ----------
    once, always:
        The way if the error comes once, and if it comes with each try.
    error:
        The name by which the run fails, if it is another one. `{}` stands for the first error.
    """

    states: tuple[str, ...]
    names: tuple[str, ...]
    once: Way
    always: Way
    error: str | None = None


def of_operation(service: str, name: str) -> list[str]:
    """The errors that a service's model lists for an operation."""
    model = create_loader().load_service_model(service, "service-2")
    return sorted(each["shape"] for each in model["operations"][name].get("errors", []))


def _of_lambda(*names: str) -> tuple[str, ...]:
    """Names of Lambda's errors as Step Functions reports them."""
    return tuple(f"Lambda.{name}" for name in names)


def _own() -> list[str]:
    found, pending = [], [errors.AvflowError]
    while pending:
        pending += (below := pending.pop().__subclasses__())
        found += [each.__name__ for each in below if each.__module__ == errors.__name__]
    return sorted(set(found))


#: the workflow's own errors that every step may raise
OWN = tuple(_own())
SPECIAL = ("LambdaBudgetExceeded", "StorageUnavailable")
LAMBDA_STEPS = ("FFmpeg", "Audio2srt", "Yolov3OnLambda", "Merge")
JOBS = ("FFmpegOnBatch", "Audio2srtOnBatch", "MergeOnBatch", "Yolov3OnCpu")
GPU_JOBS = ("Yolov3", "Yolov3OnDemand")
#: Lambda itself failed: a try after seconds helps
TRANSIENT = _of_lambda("ClientExecutionTimeoutException", "SdkClientException", "ServiceException")
#: all invocations that the account may run at once are running
BUSY = _of_lambda("TooManyRequestsException")
#: the function can't start yet: it was idle for weeks, is being changed, or waits for its network, file system or
#: snapshot. Step Functions reports errors that its own client doesn't know as AWSLambdaException, also the first two
WAKING = _of_lambda(
    "CodeArtifactUserPendingException",
    "AWSLambdaException",
    "CodeArtifactUserDeletedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "S3FilesMountConnectivityException",
    "S3FilesMountTimeoutException",
    "ServiceQuotaExceededException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
)
#: the function can't start, and waiting does not help: its image, key, network, file system or runtime is unusable
UNUSABLE = (
    *_of_lambda(
        "CodeArtifactUserFailedException",
        "EC2AccessDeniedException",
        "EFSIOException",
        "EFSMountFailureException",
        "InvalidRuntimeException",
        "InvalidSecurityGroupIDException",
        "InvalidSubnetIDException",
        "InvalidZipFileException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "S3FilesMountFailureException",
        "SnapStartException",
    ),
    "Extension.Crash",
    "Extension.ExitError",
    "Extension.InitError",
    "Extension.LaunchError",
    "Runtime.InvalidEntrypoint",
    "Runtime.InvalidTaskConfig",
    "Runtime.InvalidWorkingDir",
)
BEYOND = (
    "LambdaBudgetExceeded",
    "Lambda.Unknown",
    "OSError",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
)
#: all others: the request is wrong, the function is gone, or it calls itself in a loop
REFUSED = tuple(sorted({*_of_lambda(*of_operation("lambda", "Invoke"))} - {*TRANSIENT, *BUSY, *WAKING, *UNUSABLE}))
#: other exceptions of a handler and of its runtime
BUGS = (
    "Exception",
    "Function.ResponseSizeTooLarge",
    "KeyError",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.MarshalError",
    "Runtime.UserCodeSyntaxError",
    "RuntimeError",
)
#: States.ALL does not catch them
UNCATCHABLE = ("States.DataLimitExceeded", "States.Runtime")
SUBMIT = ("Batch.AWSBatchException", "Batch.ServerException", "Batch.TooManyRequestsException")
#: ends of a job, by the name that they get
ENDS = {
    "job: exit status": "JobFailed",
    "job: out of memory": "JobOutOfMemory",
    "job: out of time": "JobTimedOut",
}
#: jobs that never started, after the tries of AWS Batch
STARTS = {
    "job: image": "ImageUnavailable",
    "job: image on Fargate": "ImageUnavailable",
    "job: no credentials": "JobNotStarted",
    "job: no network": "JobNotStarted",
    "job: no container": "JobNotStarted",
    "job: name too long": "NameTooLong",
}
MACHINE = {"job: lost machine": "SpotInterrupted", "job: no capacity": "GpuUnavailable"}
SERVICES = {
    "ReadMedia": ("S3.NoSuchKeyException", "S3.InvalidObjectStateException", "S3.S3Exception"),
    "FailedSegments": ("Batch.BatchException", "Batch.ClientException", "Batch.ServerException"),
    "AnnounceResults": ("EventBridge.FailedEntry", "EventBridge.InternalException"),
    "NotifyFailure": tuple(f"SNS.{name}" for name in (*of_operation("sns", "Publish"), "AmazonSNSException")),
}  # fmt: skip

MATRIX = (
    # ------------------------------------------------------------ a step on Lambda
    Rule(LAMBDA_STEPS, (*TRANSIENT, "StorageUnavailable"), Way.RETRIED, Way.NAMED),
    Rule(LAMBDA_STEPS, (*WAKING, *BUSY), Way.RETRIED, Way.BATCH),
    Rule(LAMBDA_STEPS, (*BEYOND, *UNUSABLE), Way.BATCH, Way.BATCH),
    Rule(LAMBDA_STEPS, tuple(name for name in OWN if name not in SPECIAL), Way.NAMED, Way.NAMED),
    Rule(LAMBDA_STEPS, (*REFUSED, *BUGS), Way.NAMED, Way.NAMED),
    Rule(LAMBDA_STEPS, ("States.Permissions",), Way.NAMED, Way.NAMED, "Permissions"),
    Rule(LAMBDA_STEPS, UNCATCHABLE, Way.TOLD, Way.TOLD),
    # ------------------------------------------------------------ a job
    Rule((*JOBS, *GPU_JOBS), SUBMIT, Way.RETRIED, Way.NAMED),
    Rule((*JOBS, *GPU_JOBS), ("Batch.ClientException",), Way.NAMED, Way.NAMED),
    Rule((*JOBS, *GPU_JOBS), ("States.Permissions",), Way.NAMED, Way.NAMED, "Permissions"),
    Rule((*JOBS, *GPU_JOBS), UNCATCHABLE, Way.TOLD, Way.TOLD),
    Rule((*JOBS, *GPU_JOBS), tuple(name for name in OWN if name != "LambdaBudgetExceeded"), Way.NAMED, Way.NAMED),
    *(Rule((*JOBS, *GPU_JOBS), (end,), Way.NAMED, Way.NAMED, name) for end, name in ENDS.items()),
    *(Rule(("Yolov3OnDemand",), (end,), Way.NAMED, Way.NAMED, name) for end, name in MACHINE.items()),
    Rule(JOBS, ("job: no capacity",), Way.NAMED, Way.NAMED, "GpuUnavailable"),
    Rule(JOBS, ("job: lost machine",), Way.RETRIED, Way.NAMED, "SpotInterrupted"),
    *(Rule(JOBS, (end,), Way.RETRIED, Way.NAMED, name) for end, name in STARTS.items()),
    *(Rule(("Yolov3OnDemand",), (end,), Way.NAMED, Way.NAMED, name) for end, name in STARTS.items()),
    Rule(("Yolov3",), tuple(STARTS), Way.ON_DEMAND, Way.ON_DEMAND),
    Rule(("Yolov3",), ("job: lost machine", "job: no capacity"), Way.ON_DEMAND, Way.ON_DEMAND),
    Rule(("Yolov3",), ("States.Timeout",), Way.ON_DEMAND, Way.ON_DEMAND),
    Rule(("Yolov3OnDemand",), ("States.Timeout",), Way.NAMED, Way.NAMED, "GpuUnavailable"),
    Rule(("Yolov3OnCpu",), ("States.Timeout",), Way.NAMED, Way.NAMED, "FargateUnavailable"),
    Rule(("FFmpegOnBatch", "Audio2srtOnBatch", "MergeOnBatch"), ("States.Timeout",), Way.NAMED, Way.NAMED, "Timeout"),
    # ------------------------------------------------------------ calls of services
    Rule(("ReadMedia",), SERVICES["ReadMedia"], Way.RETRIED, Way.NAMED),
    Rule(("ReadMedia",), ("States.Timeout",), Way.RETRIED, Way.NAMED, "Timeout"),
    Rule(("ReadMedia",), ("States.Permissions",), Way.RETRIED, Way.NAMED, "Permissions"),
    Rule(("ReadMedia",), UNCATCHABLE, Way.TOLD, Way.TOLD),
    Rule(("FailedSegments",), (*SERVICES["FailedSegments"], "States.Timeout"), Way.ON_DEMAND, Way.NAMED, "JobFailed"),
    Rule(("FailedSegments",), ("States.Permissions",), Way.ON_DEMAND, Way.NAMED, "JobFailed"),
    Rule(("FailedSegments",), UNCATCHABLE, Way.TOLD, Way.TOLD),
    Rule(("AnnounceResults",), SERVICES["AnnounceResults"], Way.RETRIED, Way.GOES_ON),
    Rule(("AnnounceResults",), ("States.Permissions",), Way.RETRIED, Way.GOES_ON),
    Rule(("AnnounceResults",), ("States.Timeout",), Way.GOES_ON, Way.GOES_ON),
    Rule(("AnnounceResults",), UNCATCHABLE, Way.TOLD, Way.TOLD),
    # ------------------------------------------------------------ the report of an error; the run has failed before
    Rule(("ReportFailure",), (*TRANSIENT, "StorageUnavailable", *WAKING, *BUSY), Way.NAMED, Way.UNREPORTED, "{}"),
    Rule(
        ("ReportFailure",),
        (*BEYOND, *UNUSABLE, *BUGS, *REFUSED, "States.Permissions"),
        Way.UNREPORTED,
        Way.UNREPORTED,
        "{}",
    ),
    Rule(("ReportFailure",), UNCATCHABLE, Way.TOLD, Way.TOLD),
    Rule(("NotifyFailure",), SERVICES["NotifyFailure"], Way.NAMED, Way.NAMED, "{}"),
    Rule(("NotifyFailure",), ("States.Permissions", "States.Timeout"), Way.NAMED, Way.NAMED, "{}"),
    Rule(("NotifyFailure",), UNCATCHABLE, Way.TOLD, Way.TOLD),
)


@dataclass(frozen=True)
class Cell:
    """One error in one state, once or with each try, and what must become of the run.

    `quick` cells stand for their rule: `make test` runs these, `make test-slow` all.
    """

    state: str
    name: str
    always: bool
    way: Way
    error: str | None
    quick: bool

    @property
    def id(self) -> str:
        """Its name in the tests' output."""
        return f"{self.state} {self.name} {'always' if self.always else 'once'}"


def cells() -> list[Cell]:
    """Every cell; one that comes out the same once and always is run once with each."""
    return [
        Cell(
            state,
            name,
            always,
            rule.always if always else rule.once,
            rule.error,
            quick=name == rule.names[0] and state == rule.states[number % len(rule.states)],
        )
        for number, rule in enumerate(MATRIX)
        for state in rule.states
        for name in rule.names
        for always in ((False, True) if rule.once is not rule.always else (True,))
    ]
