"""What a run without a manifest has cost at most: one that failed or was stopped, or whose results are gone.

The history tells how long each try took, and AWS Batch how long each attempt of a job ran. The machines are those of
the stack's parameters; where there is a choice, the dearest, on demand. The prices are those of the manifests
(`avflow.workflow.cost`), with what these leave out, and without S3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from avflow.workflow import cost
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow_cli.console.history import Attempt, Runs
from avflow_cli.events import events_after, object_of
from avflow_cli.stack.executions import Execution
from avflow_cli.stack.stack import Stack

#: events of a history that one request returns: the most
_PAGE_SIZE = 1000
#: of template.yaml: MB of memory and GB of /tmp of a function of a step at most, and the job of a step without a GPU
_FUNCTION_MB, _FUNCTION_GB = 3008, 10.0
_JOB_VCPUS, _JOB_GB = 4, 200.0
#: the types that the template takes by itself, if the Region has them
_GPU_TYPES = "g4dn.xlarge,g5.xlarge,g6.xlarge"
#: the end of the name of a job definition, before its revision
_DEFINITION = re.compile(r"-(yolov3|yolov3-cpu|ffmpeg|audio2srt|merge)(:\d+)?$")


def at_most_usd(stack: Stack, execution: Execution) -> float | None:
    """US dollars that this run has cost at most; None while it goes on."""
    if execution.ended is None:
        return None
    runs, states = Runs(), 0
    for event in events_after(stack.access.client("stepfunctions"), execution.arn, 0, _PAGE_SIZE):
        runs.read(event)
        states += event["type"].endswith("StateEntered")
    attempts = [attempt for run in runs.by_id.values() for attempt in run.attempts]
    for each in attempts:
        each.ended = each.ended or execution.ended
    usd = sum(attempt_usd(each, stack.parameters) for each in attempts)
    return float(usd + states * cost.prices()["step_functions"]["transition"])


def attempt_usd(attempt: Attempt, parameters: Mapping[str, str]) -> float:
    """US dollars of one try of a task, with the retries of its job. `parameters` are those of the stack."""
    assert attempt.ended is not None
    seconds = max(0.0, (attempt.ended - attempt.began).total_seconds())
    if attempt.service == "lambda":
        memory = max(_FUNCTION_MB, int(parameters.get("ShortVideosMemory") or 0))
        return cost.step_usd(LambdaCompute("lambda", memory, _FUNCTION_GB), seconds)
    if attempt.service != "batch":
        return 0.0
    asked = object_of(attempt.parameters)
    machines = _machines(str(asked.get("JobDefinition", "")), parameters)
    ran = _seconds_of_job(attempt, seconds, asked)
    return max(sum(cost.step_usd(machine, each) for each in ran) for machine in machines)


def _seconds_of_job(attempt: Attempt, most: float, asked: Mapping[str, Any]) -> list[float]:
    """The seconds of each attempt of a job, or of each child of an array: `most` of them if AWS Batch does not tell."""
    size = (asked.get("ArrayProperties") or {}).get("Size")
    if size:
        return [most] * int(size)
    job = object_of(attempt.output or attempt.cause)
    if "Attempts" not in job:  # it was stopped, or timed out
        return [most]
    times = [(each.get("StartedAt"), each.get("StoppedAt")) for each in job["Attempts"] or ()]
    return [(stopped - started) / 1000 for started, stopped in times if started and stopped]


def _machines(definition: str, parameters: Mapping[str, str]) -> list[Compute]:
    """The machines on which a job of this definition may have run."""
    found = _DEFINITION.search(definition)
    if found and found[1] == "yolov3":
        types = (parameters.get("GpuInstanceTypes") or _GPU_TYPES).split(",")
        return [Ec2Compute("ec2", each, "on demand") for each in types]
    vcpus = int(parameters.get("CpuDetectorVcpus") or _JOB_VCPUS) if found and found[1] == "yolov3-cpu" else _JOB_VCPUS
    return [FargateCompute("fargate", vcpus, 2048 * vcpus, _JOB_GB)]
