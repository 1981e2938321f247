"""Where events and invocation records go: queues, topics, state machines and log groups, by their ARNs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.coverage import AS_AWS, Operation, differs


class NotDelivered(Exception):
    """A target cannot be reached: EventBridge's ERROR_CODE, and whether further tries are of no use."""

    def __init__(self, code: str, message: str, *, lasting: bool = True) -> None:
        super().__init__(message)
        self.code, self.lasting = code, lasting


class Targets:
    """Sends messages to resources; `client` returns the boto3 client of a service."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client

    def send(self, target_arn: str, body: str, event_id: str) -> None:
        """Send a text to a resource.

        Raises
        ------
        NotDelivered
            The embedded EventBridge does not have targets of this kind.
        """
        target = TARGETS.get(target_arn.split(":")[2])
        if target is None:
            message = f"{target_arn}: the embedded EventBridge does not have targets of this service"
            raise NotDelivered("UNSUPPORTED_TARGET", message)
        target.handler(self, target_arn, body, event_id)

    def send_to_queue(self, queue_arn: str, body: str, attributes: Mapping[str, str | int]) -> None:
        """Send a text with message attributes to a queue."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        typed = {
            name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
            for name, value in attributes.items()
        }
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)

    def dead_letter(self, queue_arn: str, event: object, attributes: Mapping[str, str]) -> None:
        """Send an event that was not delivered to a dead-letter queue."""
        self.send_to_queue(queue_arn, json.dumps(event), attributes)


def _send_to_queue(targets: Targets, arn: str, body: str, _: str) -> None:
    targets.send_to_queue(arn, body, {})


def _send_to_topic(targets: Targets, arn: str, body: str, _: str) -> None:
    targets.client("sns").publish(TopicArn=arn, Message=body)


def _start_execution(targets: Targets, arn: str, body: str, event_id: str) -> None:
    name = f"{event_id}_{uuid.uuid4()}"  # AWS forms the name in this way
    targets.client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input=body)


def _write_to_log_group(targets: Targets, arn: str, body: str, event_id: str) -> None:
    logs, group = targets.client("logs"), arn.partition(":log-group:")[2].removesuffix(":*")
    logs.create_log_stream(logGroupName=group, logStreamName=event_id)
    entries = [{"timestamp": round(time.time() * 1000), "message": body}]
    logs.put_log_events(logGroupName=group, logStreamName=event_id, logEvents=entries)


#: by the service in the target's ARN
TARGETS: dict[str, Operation[Callable[[Targets, str, str, str], None]]] = {
    "sqs": Operation("SQS queue", _send_to_queue, differs("SqsParameters (of a FIFO queue) are ignored")),
    "sns": Operation("SNS topic", _send_to_topic, AS_AWS),
    "states": Operation("Step Functions state machine", _start_execution, AS_AWS),
    "logs": Operation("CloudWatch log group", _write_to_log_group, AS_AWS),
}
