"""EventBridge's event bus: takes events and delivers each to the targets of the rules that match it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local_aws.awslambda.functions import FunctionNotFound, Functions
from local_aws.coverage import Operation, differs
from local_aws.eventbridge.deliveries import FIRST_DELAY, Deliveries, Delivery
from local_aws.eventbridge.events import Event, new_event
from local_aws.eventbridge.inputs import transform
from local_aws.eventbridge.patterns import matches
from local_aws.eventbridge.targets import NotDelivered, Targets
from local_aws.wire import Environ, Reply, ServiceError, read_json

#: entries in one PutEvents (EventBridge API Reference)
MAX_ENTRIES = 10
#: seconds for which rules that were read are not read again, unless a request changes them
RULES_SECONDS = 1.0


#: operations that change no rule
_READING = ("AWSEvents.List", "AWSEvents.Describe", "AWSEvents.PutEvents", "AWSEvents.Test")


class _Rule(NamedTuple):
    """An enabled rule: its ARN, its pattern and its targets."""

    arn: str
    pattern: Mapping[str, Any]
    targets: list[dict[str, Any]]


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
    first_delay:
        Seconds before the second try to deliver; the longest before a try grows from there.
    """

    def __init__(
        self,
        functions: Functions,
        invoke_later: Callable[[str, bytes], None],
        targets: Targets,
        first_delay: float = FIRST_DELAY,
    ) -> None:
        self._functions = functions
        self._invoke_later = invoke_later
        self._targets = targets
        self._deliveries = Deliveries(self._deliver_to, targets, first_delay)
        self._rules: dict[str, tuple[float, list[_Rule]]] = {}
        self._reading = threading.Lock()

    def close(self) -> None:
        """Deliver nothing any more."""
        self._deliveries.close()

    # ------------------------------------------------------------ requests
    def handles(self, environ: Environ) -> bool:
        """Whether this is an operation that moto must not answer."""
        operation = environ.get("HTTP_X_AMZ_TARGET", "")
        if operation.startswith("AWSEvents.") and not operation.startswith(_READING):
            self._rules.clear()  # moto is about to change one
        return operation in OPERATIONS

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
        """Deliver an event to all its targets, on another thread."""
        self._deliveries.do(lambda: self._match(event, bus))

    def _match(self, event: Event, bus: str) -> None:
        with self._reading:  # one thread asks moto, and the others wait for its answer
            rules = self._rules_of(bus)
        for rule in rules:
            if matches(rule.pattern, event):
                for target in rule.targets:
                    self._deliveries.add(Delivery(rule.arn, target, event))

    def _rules_of(self, bus: str) -> list[_Rule]:
        """The enabled rules of a bus, with their targets."""
        kept = self._rules.get(bus)
        if kept is not None and time.monotonic() - kept[0] < RULES_SECONDS:
            return kept[1]
        client, now = self._targets.client("events"), time.monotonic()
        rules = [
            _Rule(
                rule["Arn"],
                json.loads(rule["EventPattern"]),
                client.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"],
            )
            for rule in client.list_rules(EventBusName=bus)["Rules"]
            if rule["State"] == "ENABLED" and rule.get("EventPattern")
        ]
        self._rules[bus] = (now, rules)
        return rules

    def _deliver_to(self, delivery: Delivery) -> None:
        target_arn = delivery.target["Arn"]
        try:
            body = transform(delivery.target, delivery.event, delivery.rule_arn)
        except Exception as error:
            raise NotDelivered("INVALID_JSON", f"the target's input cannot be made: {error}") from error
        if target_arn.split(":")[2] == "lambda":
            self._send_to_function(delivery.rule_arn, target_arn, body)
        else:
            self._targets.send(target_arn, body, delivery.event["id"])

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
        "PutEvents", Events.put_events, differs("what waits for another try is lost with the process")
    ),
}
