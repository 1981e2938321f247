"""State machines, and rules of EventBridge."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.casing import lower_first
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import differs


@creates(
    "AWS::StepFunctions::StateMachine",
    differs("runs in moto's interpreter, see Step Functions; logging and tracing are kept"),
)
def state_machine(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A state machine, which moto's engine really runs."""
    definition = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace("${" + name + "}", json.dumps(str(value))[1:-1])
    name = properties.get("StateMachineName") or stack.physical_name(logical_id)
    optional = {
        "loggingConfiguration": lower_first(properties.get("LoggingConfiguration")),
        "tracingConfiguration": lower_first(properties.get("TracingConfiguration")),
    }
    created = stack.aws.client("stepfunctions").create_state_machine(
        name=name,
        definition=definition,
        roleArn=properties["RoleArn"],
        type=properties.get("StateMachineType", "STANDARD"),
        **{key: value for key, value in optional.items() if value},
    )["stateMachineArn"]
    return Created(created, {"Arn": created, "Name": name})


@creates("AWS::Events::Rule", differs("event patterns only; a schedule is refused"))
def rule(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A rule and its targets."""
    events = stack.aws.client("events")
    name = properties.get("Name") or stack.physical_name(logical_id)
    bus = properties.get("EventBusName", "default")
    created = events.put_rule(
        Name=name,
        EventBusName=bus,
        EventPattern=json.dumps(properties["EventPattern"]),
        State=properties.get("State", "ENABLED"),
    )["RuleArn"]
    if targets := properties.get("Targets"):
        events.put_targets(Rule=name, EventBusName=bus, Targets=targets)
    return Created(name, {"Arn": created})
