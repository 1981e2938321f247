"""The size of the machine that a step ran on. The step's record holds it, and the cost estimate prices it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from avflow.media.contract import Contract


@dataclass(frozen=True)
class LambdaCompute(Contract):
    """A Lambda function: memory in MB, /tmp in GB."""

    service: Literal["lambda"]
    memory_mb: int
    storage_gb: float


@dataclass(frozen=True)
class FargateCompute(Contract):
    """A Batch job on Fargate: vCPUs, memory in MB, disk in GB."""

    service: Literal["fargate"]
    vcpus: float
    memory_mb: int
    storage_gb: float


@dataclass(frozen=True)
class Ec2Compute(Contract):
    """A Batch job that has an EC2 instance to itself."""

    service: Literal["ec2"]
    #: EC2 instance type, such as g4dn.xlarge
    instance: str
    market: Literal["spot", "on demand"]


Compute = LambdaCompute | FargateCompute | Ec2Compute


def compute(environ: Mapping[str, str]) -> Compute | None:
    """The machine's size from the environment variables. None if they do not tell it.

    Lambda sets AWS_LAMBDA_FUNCTION_MEMORY_SIZE (AWS Lambda Developer Guide, "Defined runtime environment variables").
    The template sets the rest: COMPUTE_VCPUS, COMPUTE_MEMORY_MB, COMPUTE_STORAGE_GB, and COMPUTE_INSTANCE for a GPU.
    """
    storage = float(environ.get("COMPUTE_STORAGE_GB", 0))
    if memory := environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"):
        return LambdaCompute("lambda", int(memory), storage)
    if instance := environ.get("COMPUTE_INSTANCE"):
        return Ec2Compute("ec2", instance, "on demand" if environ.get("FALLBACK_FROM") == "spot" else "spot")
    if vcpus := environ.get("COMPUTE_VCPUS"):
        return FargateCompute("fargate", float(vcpus), int(environ["COMPUTE_MEMORY_MB"]), storage)
    return None
