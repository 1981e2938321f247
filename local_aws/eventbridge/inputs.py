"""What a target receives: the event, or what the target's Input, InputPath or InputTransformer makes of it.

EventBridge User Guide, "Amazon EventBridge input transformation".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from local_aws.eventbridge.events import Event


def transform(target: Mapping[str, Any], event: Event, rule_arn: str) -> str:
    """The text that a target of a rule receives."""
    if "Input" in target:
        text: str = target["Input"]
        return text
    if "InputPath" in target:
        return json.dumps(_select(target["InputPath"], event))
    if "InputTransformer" not in target:
        return json.dumps(event)
    transformer = target["InputTransformer"]
    values = {name: _select(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event": event,
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return _fill(transformer["InputTemplate"], values)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace each `<name>`: by text within a quoted string, by JSON elsewhere."""

    def put(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        if template.count('"', 0, match.start()) % 2:
            return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
        return json.dumps(value)

    return re.sub(r"<([^<>]+)>", put, template)


def _select(path: str, event: Event) -> Any:
    from jsonpath_ng import parse  # noqa: PLC0415 - slow to import, seldom needed

    found = parse(re.sub(r"\.([\w]+(?:-[\w]+)+)", r".'\1'", path)).find(event)
    return found[0].value if found else None
