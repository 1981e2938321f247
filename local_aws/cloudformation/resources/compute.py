"""Lambda functions, and Batch's compute environments, queues and job definitions."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from local_aws.awslambda.function import Function, Permission
from local_aws.cloudformation.casing import lower_first
from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.sam import CODE_BUCKET
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import differs
from local_aws.names import function_arn

#: keys of Batch's documents below which the user chose the names
_OPAQUE = ("Parameters", "Options", "Tags")


@creates(
    "AWS::Lambda::Function",
    differs(
        "code, handler, limits, environment, image, reserved concurrency and dead-letter queue work; other properties"
        " are kept or ignored"
    ),
)
def function(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A function, which really runs."""
    name = properties.get("FunctionName") or stack.physical_name(logical_id)
    code = properties["Code"]
    common = {
        "name": name,
        "configuration": properties,
        "timeout": float(properties.get("Timeout", 3)),
        "memory_mb": int(properties.get("MemorySize", 128)),
        "scratch_mb": int(properties.get("EphemeralStorage", {}).get("Size", 512)),
        "environment": {k: str(v) for k, v in properties.get("Environment", {}).get("Variables", {}).items()},
        "dead_letter": properties.get("DeadLetterConfig", {}).get("TargetArn"),
        "reserved": _number(properties.get("ReservedConcurrentExecutions")),
    }
    if properties.get("PackageType") == "Image":
        command = properties.get("ImageConfig", {}).get("Command")
        if not command:
            raise DeployError(f"{logical_id}: ImageConfig.Command must name the handler")
        image, containers = code["ImageUri"], stack.aws.containers
        digest = containers.resolve(image) if containers else None
        created = Function(handler=command[-1], code=stack.aws.root, image_uri=image, image_digest=digest, **common)
    else:
        folder = _code_folder(stack, logical_id, name, code)
        created = Function(handler=properties["Handler"], code=folder, **common)
    if created.memory_mb > (quota := stack.aws.functions.memory_quota):
        reason = f"Member must have value less than or equal to {quota}"
        raise DeployError(f"{logical_id}: 'MemorySize' value failed to satisfy constraint: {reason}")
    stack.aws.functions.add(created)
    return Created(name, {"Arn": created.arn})


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _code_folder(stack: Stack, logical_id: str, name: str, code: dict[str, Any]) -> Path:
    if "ZipFile" in code:  # the code of the module `index`
        # a hash and not the name: a file system may treat the names of two functions as equal
        folder = stack.aws.state_dir / "code" / hashlib.sha256(name.encode()).hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.py").write_text(code["ZipFile"])
        return folder
    # beside the template; in an installed package with the rest of the code
    places = [where / str(code.get("S3Key", "")) for where in (stack.folder, stack.aws.root)]
    found = [place for place in places if place.is_dir()]
    if code.get("S3Bucket") != CODE_BUCKET or not found:
        raise DeployError(f"{logical_id}: its code, {places[0]}, is not a folder")
    return found[0].resolve()


@creates("AWS::Lambda::Version", differs("shares the code and settings of its function"))
def version(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A published version."""
    number = stack.aws.functions.publish_version(properties["FunctionName"])
    name = stack.aws.functions.get(properties["FunctionName"])[0].name
    version_arn = function_arn(name, number)
    return Created(version_arn, {"Version": number, "FunctionArn": version_arn})


@creates("AWS::Lambda::Alias", differs("no routing to a second version"))
def alias(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A name for a version."""
    target, _ = stack.aws.functions.get(properties["FunctionName"])
    target.aliases[properties["Name"]] = properties["FunctionVersion"]
    alias_arn = function_arn(target.name, properties["Name"])
    return Created(alias_arn, {"AliasArn": alias_arn})


@creates("AWS::Lambda::Permission", differs("enforced for EventBridge only"))
def permission(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """Who may invoke a function."""
    target, _ = stack.aws.functions.get(properties["FunctionName"])
    target.permissions.append(Permission(properties["Principal"], properties.get("SourceArn")))
    return Created(stack.physical_name(logical_id))


@creates(
    "AWS::Lambda::EventInvokeConfig",
    differs("destinations are queues and topics"),
)
def event_invoke_config(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """How often an asynchronous invocation is tried again, and its destinations."""
    target, _ = stack.aws.functions.get(properties["FunctionName"])
    target.max_retries = int(properties.get("MaximumRetryAttempts", 2))
    target.max_age = float(properties.get("MaximumEventAgeInSeconds", target.max_age))
    destinations = properties.get("DestinationConfig", {})
    target.on_failure = destinations.get("OnFailure", {}).get("Destination")
    target.on_success = destinations.get("OnSuccess", {}).get("Destination")
    return Created(stack.physical_name(logical_id))


@creates(
    "AWS::Batch::ComputeEnvironment",
    differs("kept, no effect; refused are types that the Region lacks, as on AWS, and numbers out of their range"),
)
def compute_environment(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A compute environment; each one is this machine."""
    name = properties.get("ComputeEnvironmentName") or stack.physical_name(logical_id)
    created = stack.aws.batch.add_compute_environment(name, lower_first(properties, _OPAQUE))
    return Created(created, {"ComputeEnvironmentArn": created})


@creates(
    "AWS::Batch::JobQueue",
    differs("all queues share this machine, by priority; scheduling policies and time limits are kept"),
)
def job_queue(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A job queue."""
    name = properties.get("JobQueueName") or stack.physical_name(logical_id)
    created = stack.aws.batch.add_queue(name, lower_first(properties, _OPAQUE))
    return Created(created, {"JobQueueArn": created})


@creates(
    "AWS::Batch::JobDefinition",
    differs("jobs of one container; command, environment, memory, time-out, retries and parameters work"),
)
def job_definition(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A job definition, whose jobs really run."""
    name = properties.get("JobDefinitionName") or stack.physical_name(logical_id)
    facts = lower_first(properties, _OPAQUE)
    if "timeout" in facts:
        facts["timeout"]["attemptDurationSeconds"] = int(facts["timeout"]["attemptDurationSeconds"])
    created = stack.aws.batch.register_definition(name, facts)["jobDefinitionArn"]
    return Created(created, {"JobDefinitionArn": created})
