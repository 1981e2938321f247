"""Find which children of an array job failed, and why. For the array itself AWS Batch only says that one failed.

AWS Batch User Guide, "Array jobs"; AWS Batch API Reference, "ListJobs".
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .failure import cause_of

#: reasons outside the segment itself: they explain a failure only if no child has another reason
_MACHINE = ("Host EC2", "Canceled by JobStateTimeLimit",
            "Task failed to start", "ResourceInitializationError", "Cannot", "Timeout waiting")  # fmt: skip


def errors_of(batch: Any, error: dict[str, str]) -> list[dict[str, str]]:
    """One error per failed child of an array job, in the form of an ordinary job's. Other errors stay the same.

    Children that failed by themselves come before those that lost their machine.

    Parameters
    ----------
    batch:
        A client of AWS Batch.
    """
    array = cause_of(error)
    size = (array.get("ArrayProperties") or {}).get("Size")
    if not size:
        return [error]
    try:
        pages = batch.get_paginator("list_jobs").paginate(arrayJobId=array["JobId"], jobStatus="FAILED")
        children = [_child(array, size, found) for page in pages for found in page["jobSummaryList"]]
    except (BotoCoreError, ClientError):
        return [error]  # better the array's own error than none
    children.sort(key=lambda child: (child["StatusReason"].startswith(_MACHINE), child["ArrayProperties"]["Index"]))
    return [{"Error": error["Error"], "Cause": json.dumps(child)} for child in children] or [error]


def _child(array: dict[str, Any], size: int, found: dict[str, Any]) -> dict[str, Any]:
    """A child in the form of DescribeJobs, with Step Functions' spelling of the names."""
    container = found.get("container", {})
    return {
        "JobName": array.get("JobName", "a job"),
        "JobId": found["jobId"],
        "StatusReason": found.get("statusReason", ""),
        "PlatformCapabilities": array.get("PlatformCapabilities"),
        "Container": {"ExitCode": container.get("exitCode"), "Reason": container.get("reason")},
        "ArrayProperties": {"Index": int(found["jobId"].rpartition(":")[2]), "Size": size},
    }
