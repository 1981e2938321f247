"""S3 buckets and their policies."""

from __future__ import annotations

import contextlib
from typing import Any

from local_aws.cloudformation.resources.operations import judged
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import differs
from local_aws.names import ACCOUNT, PARTITION, REGION


@creates(
    "AWS::S3::Bucket",
    differs("versioning and notifications to EventBridge work; other settings are kept; removed if creation fails"),
)
def bucket(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A bucket and its settings; a bucket of an earlier run is taken over with its objects."""
    s3 = stack.aws.client("s3")
    name = properties.get("BucketName") or f"{stack.physical_name(logical_id)}-{ACCOUNT}".lower()
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=name)
        stack.undo[logical_id] = lambda: s3.delete_bucket(Bucket=name)
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if encryption := properties.get("BucketEncryption"):
        rules = [
            {("ApplyServerSideEncryptionByDefault" if key == "ServerSideEncryptionByDefault" else key): value}
            for rule in encryption["ServerSideEncryptionConfiguration"]
            for key, value in rule.items()
        ]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if block := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    if ownership := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
    if tags := properties.get("Tags"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in lifecycle["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    bridge = properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration")
    if bridge is not None and bridge.get("EventBridgeEnabled", True):
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    domain = f"{name}.s3.{REGION}.amazonaws.com"
    return Created(name, {"Arn": f"arn:{PARTITION}:s3:::{name}", "DomainName": domain, "RegionalDomainName": domain})


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's rule in the form of S3's API: a filter for the prefix, an object for the expiration."""
    converted = {key: value for key, value in rule.items() if key not in ("Id", "Prefix", "ExpirationInDays")}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    converted["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "ExpirationInDays" in rule:
        converted["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    return converted


@creates("AWS::S3::BucketPolicy", differs("requests on this machine count as if TLS protected them"))
def bucket_policy(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A policy of a bucket."""
    policy = judged(logical_id, properties["PolicyDocument"])
    stack.aws.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
    return Created(properties["Bucket"])
