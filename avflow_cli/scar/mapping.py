"""What the settings of SCAR's workflow are here: parameters of the template, or a note that there is none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from avflow_cli.samconfig import STACK_NAME
from avflow_cli.scar.workflow import Function, Role

#: the function of the template that does what SCAR's did
_RESOURCES: dict[Role, str] = {"ffmpeg": "FFmpegFunction", "audio2srt": "Audio2srtFunction"}
#: a name that CloudFormation takes for a stack
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_START, _RESULT = "start", "result"
#: settings of a function that the template makes itself, and why none is taken over
_MADE_HERE = {
    "init_script": "the steps are part of this project: avflow/workflow/",
    "environment": "set what a step reads by a parameter: docs/settings.md",
    "layers": "the steps run in images",
    "supervisor": "there is no supervisor: Step Functions moves the files",
    "iam": "the stack makes a role for each function and job",
    "api_gateway": "an upload starts a run; there is no HTTP API",
}


@dataclass
class Mapped:
    """A samconfig.toml to write, and what to say.

    Parameters
    ----------
    settings:
        `region` and `profile`, where SCAR's file names them.
    notes:
        A line for each thing that has no counterpart, or is otherwise here.
    """

    stack_name: str
    parameters: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "stack_name": self.stack_name,
            "settings": self.settings,
            "parameters": self.parameters,
            "notes": self.notes,
        }


def mapped(functions: Sequence[Function], template: Mapping[str, Any]) -> Mapped:
    """The settings of a workflow.

    Parameters
    ----------
    template:
        The template, whose limits hold for the parameters.
    """
    found = Mapped(_stack_name(functions))
    for setting, name in (("region", "region"), ("boto_profile", "profile")):
        told = {str(each.fields[setting]) for each in functions if each.fields.get(setting)} - {"default"}
        if len(told) == 1:
            found.settings[name] = told.pop()
        elif told:
            found.notes.append(f"{setting}: the functions name several: {', '.join(sorted(told))}")
    found.notes += _folders(functions)
    for each in functions:
        if each.role is None:
            found.notes.append(f"{each.name} ({each.image}): no step here does what this function does")
            continue
        found.notes += _of_function(each, template)
        if each.role == "yolov3":
            _detector(each, template["Parameters"], found)
        elif each.batch:
            found.notes.append(f"{each.name}: batch: the step's jobs run on Fargate, with the sizes of template.yaml")
    _logs(functions, template["Parameters"], found)
    return found


def _stack_name(functions: Sequence[Function]) -> str:
    """What the names of the functions begin with, without `scar-`: av-workflow.

    It is never the same: SCAR's functions write to log groups such as /aws/lambda/scar-av-workflow-ffmpeg, which a
    stack of that name could not create.
    """
    names = [each.name for each in functions if each.role]
    common = os.path.commonprefix(names) if len(names) > 1 else names[0]  # noqa: RUF071  names, not paths
    there = re.sub(r"[^A-Za-z0-9-]+", "-", common).strip("-")
    name = there.removeprefix("scar-")
    name = f"{name}-stack" if name == there else name
    return name if _NAME.fullmatch(name) else STACK_NAME


def _folders(functions: Sequence[Function]) -> Iterator[str]:
    """What becomes of SCAR's bucket and its folders."""
    made = {path for each in functions for path in each.paths("output")}
    starts = {path for each in functions for path in each.paths("input") if path not in made}
    ends = made - {path for each in functions for path in each.paths("input")}
    for paths, folder, what in ((starts, _START, "uploads go to"), (ends, _RESULT, "results appear in")):
        for path in sorted(paths):
            yield f"{path}: {what} {folder}/ of the stack's own bucket, the output BucketName of `sam deploy`"
    for path in sorted(made - ends):
        yield f"{path}: intermediates lie in folders of the stack's bucket, and are removed after IntermediateDays"


def _of_function(each: Function, template: Mapping[str, Any]) -> Iterator[str]:
    """What a function's own settings are here."""
    if each.role in _RESOURCES:
        here = template["Resources"][_RESOURCES[each.role]]["Properties"]
        for setting, name, unit in (("memory", "MemorySize", "MB"), ("timeout", "Timeout", "s")):
            if setting in each.fields and each.fields[setting] != here[name]:
                there = f"{each.fields[setting]} {unit}"
                yield f"{each.name}: {setting}: {there} there, {here[name]} {unit} here: no parameter"
        if each.mode != "lambda-batch":
            yield f"{each.name}: execution_mode: {each.mode}: here the step begins on Lambda and moves to Batch"
    if each.image:
        yield f"{each.name}: container: {each.image}: `sam build` makes the image of the step"
    for setting, why in _MADE_HERE.items():
        if each.fields.get(setting) or each.others.get(setting) or each.batch.get(setting):
            yield f"{each.name}: {setting}: {why}"


def _detector(each: Function, limits: Mapping[str, Any], found: Mapped) -> None:
    """Where YOLOv3 runs, and on how much."""
    has_gpu, compute = bool(each.batch.get("enable_gpu")), each.compute
    found.parameters["DetectorCompute"] = "gpu" if has_gpu else "cpu"
    if each.mode != "batch":
        found.parameters["ShortVideos"] = "lambda"
        found.notes.append(f"{each.name}: execution_mode: {each.mode}: short videos on Lambda, all others on Batch")
    most = "MaxGpuVcpus" if has_gpu else "MaxCpuVcpus"
    if (number := _whole(compute.get("max_v_cpus"))) is not None:
        least = int(limits[most]["MinValue"])
        found.parameters[most] = str(min(max(number, least), int(limits[most]["MaxValue"])))
        if number < least:
            found.notes.append(f"{each.name}: max_v_cpus: {number} there, at least {least} here")
    if has_gpu and (warm := _whole(compute.get("min_v_cpus"))):
        found.parameters["WarmGpuVcpus"] = str(warm)
    vcpus = _whole(each.batch.get("vcpus"))
    if not has_gpu and vcpus is not None:
        allowed = [int(value) for value in limits["CpuDetectorVcpus"]["AllowedValues"]]
        found.parameters["CpuDetectorVcpus"] = str(next((value for value in allowed if value >= vcpus), allowed[-1]))
    if each.batch.get("memory") or (has_gpu and vcpus):
        found.notes.append(f"{each.name}: batch: vcpus and memory: a job has what template.yaml gives it")
    _instances(each, str(limits["GpuInstanceTypes"]["AllowedPattern"]), has_gpu, found)
    _network(each, found)


def _instances(each: Function, pattern: str, has_gpu: bool, found: Mapped) -> None:
    types = [str(name) for name in _listed(each.compute.get("instance_types"))]
    good = [name for name in types if has_gpu and re.fullmatch(pattern, name)]
    if good:
        found.parameters["GpuInstanceTypes"] = ",".join(good)
    for name in types:
        if name not in good:
            why = "its GPU is too old for current CUDA" if has_gpu else "jobs without a GPU run on Fargate"
            instead = "; the stack takes g4dn.xlarge, g5.xlarge or g6.xlarge" if has_gpu and not good else ""
            found.notes.append(f"{each.name}: instance_types: {name}: {why}{instead}")


def _network(each: Function, found: Mapped) -> None:
    subnets = [str(name) for name in _listed(each.compute.get("subnets")) if name]
    if subnets:
        found.notes.append(
            f"{each.name}: subnets: the stack makes a network of its own; to use yours, add "
            f"VpcId=vpc-… SubnetIds={','.join(subnets)}"
        )
    if any(_listed(each.compute.get("security_group_ids"))):
        found.notes.append(f"{each.name}: security_group_ids: the stack makes one that lets nothing in")


def _logs(functions: Sequence[Function], limits: Mapping[str, Any], found: Mapped) -> None:
    told = [each.others.get("cloudwatch") for each in functions]
    days = [_whole(each.get("log_retention_policy_in_days")) for each in told if isinstance(each, Mapping)]
    if known := [number for number in days if number]:
        allowed = [int(value) for value in limits["LogRetentionDays"]["AllowedValues"]]
        found.parameters["LogRetentionDays"] = str(
            next((value for value in allowed if value >= max(known)), allowed[-1])
        )


def _listed(value: Any) -> list[Any]:
    """A list, whatever a file has in its place."""
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    """A whole number of at least 0; None if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
