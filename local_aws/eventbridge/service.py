"""EventBridge: brings each event to the targets of the rules that match it."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws.awslambda.functions import Function, FunctionNotFound, Functions
from local_aws.eventbridge.patterns import matches
from local_aws.names import ACCOUNT, REGION
from local_aws.wire import Environ, Reply, ServiceError, read_body

#: seconds before Lambda's second and third try of an asynchronous invocation; AWS waits one and two minutes
RETRY_DELAYS = (0.5, 1.0)
MAX_ENTRIES = 10
Client = Callable[[str], Any]


class NotDelivered(Exception):
    """A target that can't be reached at all; `code` is EventBridge's ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Events:
    """The event bus of one embedded AWS; the rules themselves are kept by moto.

    Parameters
    ----------
    client:
        boto3's client of a service.
    functions:
        Where targets that are functions run.
    """

    def __init__(self, client: Client, functions: Functions) -> None:
        self._client = client
        self._functions = functions
        self._closed = threading.Event()

    def close(self) -> None:
        """Try nothing again."""
        self._closed.set()

    # ------------------------------------------------------------ PutEvents
    def handles(self, environ: Environ) -> bool:
        """Whether it is PutEvents, the one operation of EventBridge that isn't moto's."""
        return environ.get("HTTP_X_AMZ_TARGET") == "AWSEvents.PutEvents"

    def __call__(self, environ: Environ) -> Reply:
        """Answer PutEvents."""
        entries = json.loads(read_body(environ))["Entries"]
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
    def publish(self, event: Mapping[str, Any], bus: str = "default") -> None:
        """Bring an event to all its targets, in a thread of its own."""
        threading.Thread(target=self._deliver, args=(event, bus), name=f"event-{event['id']}", daemon=True).start()

    def _deliver(self, event: Mapping[str, Any], bus: str) -> None:
        events = self._client("events")
        for rule in events.list_rules(EventBusName=bus)["Rules"]:
            pattern = rule.get("EventPattern")
            if rule["State"] != "ENABLED" or not pattern or not matches(json.loads(pattern), event):
                continue
            for target in events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]:
                self._deliver_to(rule["Arn"], target, event)

    def _deliver_to(self, rule_arn: str, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        try:
            self._send(rule_arn, target["Arn"], transform(target, event, rule_arn), event["id"])
        except NotDelivered as error:
            queue = target.get("DeadLetterConfig", {}).get("Arn")
            if queue:
                attributes = {
                    "RULE_ARN": rule_arn,
                    "TARGET_ARN": target["Arn"],
                    "ERROR_CODE": error.code,
                    "ERROR_MESSAGE": str(error),
                }
                self._send_to_queue(queue, json.dumps(event), attributes)

    def _send(self, rule_arn: str, target_arn: str, body: str, event_id: str) -> None:
        service = target_arn.split(":")[2]
        if service == "lambda":
            self._send_to_function(rule_arn, target_arn, body)
        elif service == "states":
            name = f"{event_id}_{uuid.uuid4()}"  # as AWS names them
            self._client("stepfunctions").start_execution(stateMachineArn=target_arn, name=name, input=body)
        elif service == "sqs":
            self._send_to_queue(target_arn, body, {})
        elif service == "sns":
            self._client("sns").publish(TopicArn=target_arn, Message=body)
        elif service == "logs":
            self._send_to_log_group(target_arn, body, event_id)
        else:
            raise NotDelivered("UNSUPPORTED_TARGET", f"{target_arn}: the embedded EventBridge has no such target")

    def _send_to_function(self, rule_arn: str, target_arn: str, body: str) -> None:
        try:
            function, _ = self._functions.get(target_arn)
        except FunctionNotFound as error:
            raise NotDelivered("RESOURCE_NOT_FOUND", str(error)) from error
        if not function.allows("events.amazonaws.com", rule_arn):
            message = f"{rule_arn} may not invoke {target_arn}: AWS::Lambda::Permission is missing"
            raise NotDelivered("NO_PERMISSIONS", message)
        self.invoke_later(target_arn, body.encode())

    def _send_to_log_group(self, group_arn: str, body: str, event_id: str) -> None:
        logs, group = self._client("logs"), group_arn.partition(":log-group:")[2].removesuffix(":*")
        logs.create_log_stream(logGroupName=group, logStreamName=event_id)
        entries = [{"timestamp": round(time.time() * 1000), "message": body}]
        logs.put_log_events(logGroupName=group, logStreamName=event_id, logEvents=entries)

    def _send_to_queue(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        sqs = self._client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)

    # ------------------------------------------------------------ asynchronous invocations
    def invoke_later(self, function_arn: str, payload: bytes) -> None:
        """Lambda's asynchronous invocation: tried again, and given to the destination or the dead-letter queue at last.

        AWS Lambda Developer Guide, "Error handling for asynchronous invocations".
        """
        threading.Thread(target=self._invoke, args=(function_arn, payload), daemon=True).start()

    def _invoke(self, function_arn: str, payload: bytes) -> None:
        function, _ = self._functions.get(function_arn)
        for attempt in range(1, function.max_retries + 2):
            invocation = self._functions.invoke(function_arn, payload)
            if invocation.error is None:
                if function.on_success:
                    record = _record(function_arn, payload, invocation.payload, "Success", attempt)
                    self._send("", function.on_success, json.dumps(record), invocation.request_id)
                return
            if attempt <= function.max_retries and self._closed.wait(RETRY_DELAYS[attempt - 1]):
                return
        self._give_up(function, function_arn, payload, invocation.payload, attempt)

    def _give_up(self, function: Function, function_arn: str, payload: bytes, answer: bytes, attempts: int) -> None:
        if function.on_failure:
            record = _record(function_arn, payload, answer, "RetriesExhausted", attempts)
            self._send("", function.on_failure, json.dumps(record), record["requestContext"]["requestId"])
        if function.dead_letter:
            attributes = {"ErrorCode": "200", "ErrorMessage": json.loads(answer)["errorMessage"]}
            self._send_to_queue(function.dead_letter, payload.decode(), attributes)


def new_event(source: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> dict[str, Any]:
    """An event in EventBridge's envelope ("EventBridge event structure")."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def object_created(created: Any) -> dict[str, Any]:
    """Amazon S3's "Object Created" event (S3 User Guide, "EventBridge event message structure")."""
    obj = {"key": created.key, "size": created.size, "etag": created.etag, "sequencer": created.sequencer}
    if created.version_id:
        obj["version-id"] = created.version_id
    detail = {
        "version": "0",
        "bucket": {"name": created.bucket},
        "object": obj,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": created.reason,
    }
    return new_event("aws.s3", "Object Created", detail, [f"arn:aws:s3:::{created.bucket}"])


def transform(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """What a target gets: the event, or what its Input, InputPath or InputTransformer makes of it."""
    if "Input" in target:
        return target["Input"]
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
    """Within a quoted string a placeholder is text, elsewhere it is JSON."""

    def put(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        if template.count('"', 0, match.start()) % 2:
            return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
        return json.dumps(value)

    return re.sub(r"<([^<>]+)>", put, template)


def _select(path: str, event: Mapping[str, Any]) -> Any:
    from jsonpath_ng import parse as parse_jsonpath  # noqa: PLC0415 - slow to import, seldom needed

    found = parse_jsonpath(re.sub(r"\.([\w]+(?:-[\w]+)+)", r".'\1'", path)).find(event)
    return found[0].value if found else None


def _record(function_arn: str, payload: bytes, answer: bytes, condition: str, attempts: int) -> dict[str, Any]:
    """The invocation record that a destination gets."""
    context = {
        "requestId": str(uuid.uuid4()),
        "functionArn": function_arn,
        "condition": condition,
        "approximateInvokeCount": attempts,
    }
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if condition != "Success":
        response["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "requestContext": context,
        "requestPayload": json.loads(payload),
        "responseContext": response,
        "responsePayload": json.loads(answer),
    }
