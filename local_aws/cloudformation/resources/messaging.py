"""SNS topics and SQS queues."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import AS_AWS, KEPT, differs


@creates("AWS::SNS::Topic", differs("display name, key and subscriptions; other properties are ignored"))
def topic(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A topic and the subscriptions in its own properties."""
    sns = stack.aws.client("sns")
    name = properties.get("TopicName") or stack.physical_name(logical_id)
    kept = ("DisplayName", "KmsMasterKeyId")
    attributes = {key: str(properties[key]) for key in kept if key in properties}
    created = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    for each in properties.get("Subscription", []):
        _subscribe(stack, logical_id, created, each)
    return Created(created, {"TopicArn": created, "TopicName": name})


@creates("AWS::SNS::Subscription", differs("delivers to queues; sends no e-mail; other protocols are refused"))
def subscription(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A subscription of a queue, or of an e-mail address to which nothing is sent."""
    return Created(_subscribe(stack, logical_id, properties["TopicArn"], properties))


def _subscribe(stack: Stack, logical_id: str, topic_arn: str, properties: dict[str, Any]) -> str:
    if properties["Protocol"] not in ("sqs", "email", "email-json"):
        raise DeployError(f"{logical_id}: the embedded SNS delivers to queues only, not by {properties['Protocol']}")
    subscription_arn: str = stack.aws.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return subscription_arn


@creates("AWS::SNS::TopicPolicy", KEPT)
def topic_policy(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A policy of topics, which is not enforced."""
    for each in properties["Topics"]:
        stack.aws.client("sns").set_topic_attributes(
            TopicArn=each, AttributeName="Policy", AttributeValue=json.dumps(properties["PolicyDocument"])
        )
    return Created(stack.physical_name(logical_id))


@creates("AWS::SQS::Queue", AS_AWS)
def queue(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A queue."""
    sqs = stack.aws.client("sqs")
    name = properties.get("QueueName") or stack.physical_name(logical_id)
    attributes = {key: _attribute(value) for key, value in properties.items() if key not in ("QueueName", "Tags")}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)


@creates("AWS::SQS::QueuePolicy", KEPT)
def queue_policy(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A policy of queues, which is not enforced."""
    for url in properties["Queues"]:
        stack.aws.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Created(stack.physical_name(logical_id))
