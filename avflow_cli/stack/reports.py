"""The manifest and the error report of a run, and the list of its results in the bucket."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from avflow.workflow.layout import RESULT_SUFFIXES
from avflow_cli.fetching import sizes_of
from avflow_cli.stack.executions import Execution
from avflow_cli.stack.stack import Stack


def manifest_of(stack: Stack, execution: Execution) -> dict[str, Any] | None:
    """The manifest of this run; None if there is none, or it is another run's of the same upload."""
    return _report(stack, execution, ".json")


def error_of(stack: Stack, execution: Execution) -> dict[str, Any] | None:
    """The error report of this run; None if there is none, or it is another run's of the same upload."""
    return _report(stack, execution, ".error.json")


def results_of(stack: Stack, execution: Execution) -> dict[str, int]:
    """The results that are in the bucket: the size in bytes by key, the manifest last."""
    if execution.video is None:
        return {}
    found = sizes_of(stack.access.client("s3"), stack.bucket, execution.video.result(""))
    keys = (execution.video.result(suffix) for suffix in (*RESULT_SUFFIXES, ".json"))
    return {key: found[key] for key in keys if key in found}


def _report(stack: Stack, execution: Execution, suffix: str) -> dict[str, Any] | None:
    if execution.video is None:
        return None
    try:
        body = stack.access.client("s3").get_object(Bucket=stack.bucket, Key=execution.video.result(suffix))["Body"]
        report = json.loads(body.read())
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    except ValueError:
        return None
    return report if isinstance(report, dict) and report.get("execution") == execution.name else None
