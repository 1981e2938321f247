"""Runs commands as processes or containers, within limits of time, memory and disk; none outlives its owner."""

from local_aws.sandbox.processes import MEGABYTE, End, Limits, Outcome, Processes, Sandbox, outcome_of

__all__ = ["MEGABYTE", "End", "Limits", "Outcome", "Processes", "Sandbox", "outcome_of"]
