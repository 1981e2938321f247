"""What AWS Batch refuses of a compute environment (AWS Batch API Reference, "CreateComputeEnvironment")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.wire import ServiceError

#: names that stand for families which every Region has
_ANYWHERE = ("optimal", "default_x86_64", "default_arm64")
#: AWS Batch API Reference, "UpdatePolicy"
MAX_TIMEOUT_MINUTES = 7200


def check(properties: Mapping[str, Any], offered: frozenset[str]) -> None:
    """Refuse what AWS Batch refuses.

    Parameters
    ----------
    properties:
        The request, in the API's casing.
    offered:
        The instance types of the Region; empty if they are not known.

    Raises
    ------
    ServiceError
        ClientException: the Region lacks an instance type, or a number is out of its range.
    """
    minutes = int(properties.get("updatePolicy", {}).get("jobExecutionTimeoutMinutes", 30))
    if not 1 <= minutes <= MAX_TIMEOUT_MINUTES:
        raise _refused(f"jobExecutionTimeoutMinutes must be between 1 and {MAX_TIMEOUT_MINUTES}, not {minutes}")
    resources = properties.get("computeResources", {})
    if resources.get("type") not in ("EC2", "SPOT"):
        return
    lowest, highest = int(resources.get("minvCpus", 0)), int(resources["maxvCpus"])
    if lowest > highest:
        raise _refused(f"minvCpus ({lowest}) must not be greater than maxvCpus ({highest})")
    wanted = resources.get("instanceTypes", [])
    families = {each.partition(".")[0] for each in offered}
    if not wanted or (offered and not {*wanted} <= {*_ANYWHERE, *offered, *families}):
        # the words: aws/amazon-genomics-cli#209, Netflix/metaflow-tools#4
        raise _refused(f"Instance type can only be one of [{', '.join(sorted({*_ANYWHERE, *offered, *families}))}]")


def _refused(reason: str) -> ServiceError:
    return ServiceError("ClientException", f"Error executing request, Exception : {reason}", 400)
