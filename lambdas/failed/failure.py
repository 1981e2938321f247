"""Explain Step Functions' Error and Cause to the person who uploaded the video.

The error names are from the AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows". The
texts of Batch are from the AWS Batch User Guide, "Troubleshooting AWS Batch".
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any

from .report import shown

STEPS = ("ffmpeg", "audio2srt", "yolov3", "merge")
_STEP_OF_JOB = re.compile(r"^(" + "|".join(STEPS) + r")-")
_TRY_AGAIN = "Upload the video again; if it fails again, look at the execution in the Step Functions console."

#: a job's failure, as `.sync` names it and as the state Yolov3Failed passes it on
_JOB_FAILED = ("States.TaskFailed", "JobFailed")

_NO_GPU = ("AWS provided no instance in time. Ask for a larger quota of vCPUs for G instances (Service Quotas), "
           "or deploy with DetectorCompute=cpu.")  # fmt: skip
_NO_VCPUS = ("AWS provided no vCPUs in time. Ask for a larger quota of Fargate vCPUs (Service Quotas), "
             "or lower CpuDetectorVcpus.")  # fmt: skip
_MORE_AT_ONCE = ("Let more segments run at once: deploy with a larger MaxGpuVcpus (without GPUs MaxCpuVcpus) "
                 "and ask for the quota. Or cut the video.")  # fmt: skip
#: a job whose container never ran (Amazon ECS Developer Guide, "Stopped tasks error codes")
NOT_STARTED = re.compile(r"Task failed to start|ResourceInitializationError|Cannot(Pull|Create|Start)\w*Error|"
                         r"Timeout waiting for|DockerTimeoutError")  # fmt: skip
#: for a failed job: the error's name, a pattern for its reasons, and the advice
BATCH_FAILURES = (
    ("FargateUnavailable", re.compile(r'"FARGATE".*JobStateTimeLimit|JobStateTimeLimit.*"FARGATE"', re.S),
     _NO_VCPUS),
    ("GpuUnavailable", re.compile(r"JobStateTimeLimit"), _NO_GPU),
    ("JobOutOfMemory", re.compile(r"OutOfMemoryError"), "The job needs more memory: raise it in the job definition."),
    ("JobTimedOut", re.compile(r"Job attempt duration exceeded timeout"), "Deploy with a larger JobTimeoutSeconds."),
    ("SpotInterrupted", re.compile(r"Host EC2.*terminated"), _TRY_AGAIN),
    ("NameTooLong", re.compile(r"Container Overrides length"),
     "Upload the video under a shorter name, above all without quotes and control codes."),
    ("ImageUnavailable", re.compile(r"CannotPull"), "The job's image could not be pulled: deploy again."),
    ("JobNotStarted", NOT_STARTED, "Upload the video again. If it fails again in a VPC of your own: its subnets must "
     "reach ECR, S3 and CloudWatch Logs."),
)  # fmt: skip

#: exit status of a step to which S3 did not answer (avflow.errors.StorageUnavailable): it could leave no error there
_STORAGE_UNAVAILABLE = 75

#: for an error of the platform: the message and the advice
PLATFORM_ERRORS = {
    "GpuUnavailable": ("No GPU was available in time.", _NO_GPU),
    "FargateUnavailable": ("No vCPUs were available in time.", _NO_VCPUS),
    "SegmentsTimedOut": ("The video's segments did not finish in time.", _MORE_AT_ONCE),
    "ExecutionTimedOut": ("The run took longer than two days.", "Cut the video, or deploy with faster compute."),
    "ExecutionAborted": ("Somebody stopped the run.", "Redrive the execution, or upload the video again."),
    "States.Timeout": ("A step did not finish in time.", "Look in the execution's history for the step that hangs."),
    "States.Permissions": ("A role lacks a permission.", "Deploy again; if you changed a role, undo it."),
    "States.DataLimitExceeded": ("A step's data exceeds Step Functions' limit.", _TRY_AGAIN),
    "Batch.ClientException": (
        "AWS Batch refused the job.",
        "Deploy again: the job definition or queue does not exist.",
    ),
}


def error_report_key(video: dict[str, Any]) -> str:
    """`result/a/my_video.error.json`: the base from the state machine's input, and the suffix.

    An execution that somebody started by hand has no base. It gets the name without its last suffix.
    """
    folder, slash, name = video["key"].removeprefix("start/").rpartition("/")
    return (video.get("base") or f"result/{folder}{slash}{PurePosixPath(name).stem}") + ".error.json"


def own_error_keys(execution: str, error: dict[str, str]) -> list[str]:
    """The keys at which the failed step may have left its error. Only a failed job's name tells the step."""
    match = _STEP_OF_JOB.match(str(cause_of(error).get("JobName", "")))
    steps = [match.group(1)] if match else list(STEPS)
    return [f"media/{execution}/{step}.error.json" for step in steps]


def is_own(error: dict[str, str], found: dict[str, Any]) -> bool:
    """Whether an error that a step left ended the execution. If not, the execution recovered from it."""
    if error.get("Error") in _JOB_FAILED:
        # an earlier attempt or another part may have left an error: compare the last exit status and the part
        job = cause_of(error)
        exit_code = (job.get("Container") or {}).get("ExitCode")
        return (exit_code, _part_of(job)) == (found.get("exit_code"), found.get("part", 0))
    return error.get("Error") == found.get("error")


def explain(error: dict[str, str], own: dict[str, Any] | None) -> dict[str, str]:
    """`{"error", "message", "advice"}` of a failure: the step's own (`own`) if it left an error.

    They quote names of files, and go to a terminal, an e-mail and the execution's Cause: all is printable.
    """
    return {field: shown(text, keep="\n") for field, text in _explain(error, own).items()}


def _explain(error: dict[str, str], own: dict[str, Any] | None) -> dict[str, str]:
    name, cause = error.get("Error") or "Unknown", cause_of(error)
    if own is not None:
        return {"error": own["error"], "message": _segment_of(cause) + own["message"], "advice": own["advice"]}
    if name in _JOB_FAILED:
        return _explain_job(cause, error.get("Cause") or "")
    if "errorMessage" in cause:  # an exception in a handler
        return {"error": name, "message": str(cause["errorMessage"]), "advice": _TRY_AGAIN}
    known = PLATFORM_ERRORS.get(name) or PLATFORM_ERRORS.get(f"States.{name}")
    message, advice = known or ("A step failed.", _TRY_AGAIN)
    # a Fail state may not use the reserved names (Amazon States Language, "Errors")
    own_name = name.removeprefix("States.")
    return {"error": own_name, "message": f"{message} ({error.get('Cause') or name})", "advice": advice}


def _explain_job(job: dict[str, Any], text: str) -> dict[str, str]:
    name = _segment_of(job) + job.get("JobName", "a job")
    reason = job.get("StatusReason") or text or "no reason given"
    # not the whole Cause: it contains the video's name too
    platforms = ", ".join(f'"{platform}"' for platform in job.get("PlatformCapabilities") or ())
    why = (job.get("Container") or {}).get("Reason") or ""
    reasons = f"{platforms} {reason} {why}"
    if why and NOT_STARTED.search(reasons):
        reason = f"{reason}: {why}".rstrip(".")
    for error, pattern, advice in BATCH_FAILURES:
        if pattern.search(reasons):
            return {"error": error, "message": f"{name}: {reason}.", "advice": advice}
    exit_code = (job.get("Container") or {}).get("ExitCode")
    log = (job.get("Container") or {}).get("LogStreamName")
    where = f" Its log: {log}." if log else f" Its job: {job['JobId']}." if _segment_of(job) else ""
    if exit_code == _STORAGE_UNAVAILABLE:
        message = f"{name}: S3 did not answer, also not to store the error.{where}"
        return {"error": "StorageUnavailable", "message": message, "advice": _TRY_AGAIN}
    code = "" if exit_code is None else f" (exit code {exit_code})"
    return {"error": "JobFailed", "message": f"{name}: {reason}{code}.{where}", "advice": _TRY_AGAIN}


def _part_of(job: dict[str, Any]) -> int:
    """The number of a job's segment or span: the index of an array's child, or the parameter of an ordinary job."""
    index = (job.get("ArrayProperties") or {}).get("Index")
    return int((job.get("Parameters") or {}).get("part", 0)) if index is None else int(index)


def _segment_of(job: dict[str, Any]) -> str:
    """`Segment 3 of 4: ` for a child of an array job, whose index counts from 0. Empty for other jobs."""
    array = job.get("ArrayProperties") or {}
    return f"Segment {array['Index'] + 1} of {array['Size']}: " if "Index" in array else ""


def cause_of(error: dict[str, str]) -> dict[str, Any]:
    """The Cause, read as JSON. Empty if it is not: the Cause of a failed SubmitJob is a sentence."""
    try:
        cause = json.loads(error.get("Cause") or "{}")
    except ValueError:
        return {}
    return cause if isinstance(cause, dict) else {}
