"""Runs commands within limits of time, memory and disk, on every system in the same way."""

from local_aws.sandbox.processes import MEGABYTE, End, Limits, Outcome, Processes, Sandbox

__all__ = ["MEGABYTE", "End", "Limits", "Outcome", "Processes", "Sandbox"]
