"""What moto's Step Functions engine calls here, once it is patched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Engine:
    """What the patched engine calls.

    Parameters
    ----------
    client:
        Returns the boto3 client of a service.
    terminate_job:
        Ends a Batch job, by its id, for a reason.
    wait_for_job:
        Waits for the end of a Batch job, by its id, at most so many seconds; whether it has ended.
    tell_status:
        Called with the description of each execution whose status has changed.
    at_once:
        How many executions are worked on at once.
    """

    client: Callable[[str], Any]
    terminate_job: Callable[[str, str], None]
    wait_for_job: Callable[[str, float], bool]
    tell_status: Callable[[Mapping[str, Any]], None]
    at_once: int = 50
