"""EventBridge's event bus: takes events and delivers each to the targets of the rules that match it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.awslambda.functions import FunctionNotFound, Functions
from local_aws.coverage import Operation, differs
from local_aws.eventbridge.events import Event, new_event
from local_aws.eventbridge.inputs import transform
from local_aws.eventbridge.patterns import matches
from local_aws.eventbridge.targets import NotDelivered, Targets
from local_aws.wire import Environ, Reply, ServiceError, read_json

#: entries in one PutEvents (EventBridge API Reference)
MAX_ENTRIES = 10


class Events:
    """The event buses; moto keeps the rules.

    Parameters
    ----------
    functions:
        Targets that are functions are looked up here, for their permissions.
    invoke_later:
        Invokes a function, by its ARN, asynchronously.
    targets:
        Delivers to all other targets.
    """

    def __init__(self, functions: Functions, invoke_later: Callable[[str, bytes], None], targets: Targets) -> None:
        self._functions = functions
        self._invoke_later = invoke_later
        self._targets = targets

    # ------------------------------------------------------------ requests
    def handles(self, environ: Environ) -> bool:
        """Whether this is an operation that moto must not answer."""
        return environ.get("HTTP_X_AMZ_TARGET") in OPERATIONS

    def __call__(self, environ: Environ) -> Reply:
        """Answer such a request."""
        return OPERATIONS[environ["HTTP_X_AMZ_TARGET"]].handler(self, read_json(environ))

    def put_events(self, request: Mapping[str, Any]) -> Reply:
        """PutEvents."""
        entries = request["Entries"]
        if len(entries) > MAX_ENTRIES:
            return Reply.of_error(ServiceError("ValidationException", f"at most {MAX_ENTRIES} entries are allowed"))
        results = [self._put(entry) for entry in entries]
        return Reply.of_json({"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results})

    def _put(self, entry: Mapping[str, Any]) -> dict[str, str]:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        bus = entry.get("EventBusName", "default").rpartition("/")[2]
        event = new_event(entry["Source"], entry["DetailType"], detail, entry.get("Resources", []))
        self.publish(event, bus)
        return {"EventId": event["id"]}

    # ------------------------------------------------------------ delivery
    def publish(self, event: Event, bus: str = "default") -> None:
        """Deliver an event to all its targets, in a thread of its own."""
        threading.Thread(target=self._deliver, args=(event, bus), name=f"event-{event['id']}", daemon=True).start()

    def _deliver(self, event: Event, bus: str) -> None:
        rules = self._targets.client("events")
        for rule in rules.list_rules(EventBusName=bus)["Rules"]:
            pattern = rule.get("EventPattern")
            if rule["State"] != "ENABLED" or not pattern or not matches(json.loads(pattern), event):
                continue
            for target in rules.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]:
                self._deliver_to(rule["Arn"], target, event)

    def _deliver_to(self, rule_arn: str, target: Mapping[str, Any], event: Event) -> None:
        target_arn, body = target["Arn"], transform(target, event, rule_arn)
        try:
            if target_arn.split(":")[2] == "lambda":
                self._send_to_function(rule_arn, target_arn, body)
            else:
                self._targets.send(target_arn, body, event["id"])
        except NotDelivered as error:
            if queue := target.get("DeadLetterConfig", {}).get("Arn"):
                self._targets.dead_letter(queue, rule_arn, target_arn, event, error)

    def _send_to_function(self, rule_arn: str, target_arn: str, body: str) -> None:
        try:
            function, _ = self._functions.get(target_arn)
        except FunctionNotFound as error:
            raise NotDelivered("RESOURCE_NOT_FOUND", str(error)) from error
        if not function.allows("events.amazonaws.com", rule_arn):
            message = f"{rule_arn} may not invoke {target_arn}: AWS::Lambda::Permission is missing"
            raise NotDelivered("NO_PERMISSIONS", message)
        self._invoke_later(target_arn, body.encode())


#: by the request's X-Amz-Target; moto answers all other operations
OPERATIONS: dict[str, Operation[Callable[[Events, Mapping[str, Any]], Reply]]] = {
    "AWSEvents.PutEvents": Operation(
        "PutEvents", Events.put_events, differs("a target that cannot be reached is not tried again")
    ),
}
