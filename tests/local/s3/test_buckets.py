"""Buckets of the embedded S3: their configuration, versions, listings, events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_aws.s3 import S3App
from tests.s3_server import S3Server, client_for, error_of, serving

EVENTBRIDGE = {"EventBridgeConfiguration": {}}


def test_bucket_life(s3: Any) -> None:
    name = "my-bucket.example"
    west = {"LocationConstraint": "eu-west-1"}
    assert s3.create_bucket(Bucket=name, CreateBucketConfiguration=west)["Location"] == f"/{name}"
    assert error_of(s3.create_bucket, Bucket=name) == ("BucketAlreadyOwnedByYou", 409)
    assert error_of(s3.create_bucket, Bucket="Upper") == ("InvalidBucketName", 400)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert error_of(s3.delete_bucket, Bucket=name) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=name, Key="k")
    s3.create_multipart_upload(Bucket=name, Key="left over")
    s3.delete_bucket(Bucket=name)
    assert error_of(s3.head_bucket, Bucket=name) == ("404", 404)
    assert error_of(s3.delete_bucket, Bucket=name) == ("NoSuchBucket", 404)


def test_unset_configuration(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    for operation, code in {
        s3.get_bucket_policy: "NoSuchBucketPolicy",
        s3.get_bucket_lifecycle_configuration: "NoSuchLifecycleConfiguration",
        s3.get_public_access_block: "NoSuchPublicAccessBlockConfiguration",
        s3.get_bucket_ownership_controls: "OwnershipControlsNotFoundError",
        s3.get_bucket_tagging: "NoSuchTagSet",
        s3.get_bucket_cors: "NoSuchCORSConfiguration",
    }.items():
        assert error_of(operation, Bucket=bucket) == (code, 404)
    assert error_of(s3.get_bucket_replication, Bucket=bucket) == ("NotImplemented", 501)


def test_configuration_reads_back_as_written(s3: Any, bucket: str) -> None:
    policy = '{"Version": "2012-10-17", "Statement": []}'
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy
    assert error_of(s3.put_bucket_policy, Bucket=bucket, Policy="{") == ("MalformedPolicy", 400)
    s3.delete_bucket_policy(Bucket=bucket)
    assert error_of(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)

    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
    read = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert read == encryption

    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "audio/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]

    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == blocked

    owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=owner)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == owner

    tags = [{"Key": "stack", "Value": "av-workflow"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags

    cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors


def test_events_only_where_eventbridge_is_on(s3: Any, server: S3Server, versioned: str) -> None:
    bucket = versioned
    s3.put_object(Bucket=bucket, Key="start/before.mkv", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=EVENTBRIDGE)
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    put = s3.put_object(Bucket=bucket, Key="start/a b.mkv", Body=b"video")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "start/a b.mkv"})
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"only part")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    s3.delete_object(Bucket=bucket, Key="copy")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="start/after.mkv", Body=b"x")

    events = [event for event in server.events if event.bucket == bucket]
    assert [(event.key, event.size, event.reason) for event in events] == [
        ("start/a b.mkv", 5, "PutObject"),
        ("copy", 5, "CopyObject"),
        ("big", 9, "CompleteMultipartUpload"),
    ]
    assert (events[0].etag, events[0].version_id) == (put["ETag"].strip('"'), put["VersionId"])
    sequencers = [event.sequencer for event in events]
    assert sequencers == sorted(set(sequencers))
    int(sequencers[0], 16)


def test_other_notifications_are_refused_not_forgotten(s3: Any, bucket: str) -> None:
    queue = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "Events": ["s3:ObjectCreated:*"]}
    wanted = {"Bucket": bucket, "NotificationConfiguration": {"QueueConfigurations": [queue]}}
    assert error_of(s3.put_bucket_notification_configuration, **wanted) == ("NotImplemented", 501)


def test_versions(s3: Any, server: S3Server, bucket: str) -> None:
    files = server.content_files()
    k = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**k, Body=b"unversioned")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(**k, Body=b"first")["VersionId"]
    second = s3.put_object(**k, Body=b"second!")["VersionId"]
    assert s3.get_object(**k)["VersionId"] == second
    assert s3.get_object(**k, VersionId=first)["Body"].read() == b"first"
    assert s3.get_object(**k, VersionId="null")["Body"].read() == b"unversioned"

    marker = s3.delete_object(**k)
    assert marker["DeleteMarker"] is True
    assert error_of(s3.get_object, **k) == ("NoSuchKey", 404)
    assert error_of(s3.get_object, **k, VersionId=marker["VersionId"]) == ("MethodNotAllowed", 405)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert error_of(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)

    listed = s3.list_object_versions(Bucket=bucket)
    versions = [(item["VersionId"], item["Size"], item["IsLatest"]) for item in listed["Versions"]]
    assert versions == [(second, 7, False), (first, 5, False), ("null", 11, False)]
    assert [(item["VersionId"], item["IsLatest"]) for item in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]

    s3.delete_object(**k, VersionId=marker["VersionId"])
    assert s3.get_object(**k)["Body"].read() == b"second!"
    s3.delete_object(**k, VersionId=second)
    assert s3.get_object(**k)["Body"].read() == b"first"

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(**k, Body=b"replaces the unversioned one")
    assert s3.get_object(**k, VersionId="null")["Body"].read() == b"replaces the unversioned one"
    s3.copy_object(**k, CopySource=f"{bucket}/k?versionId={first}")
    assert s3.get_object(**k)["Body"].read() == b"first"
    every = [{"Key": "k", "VersionId": first}, {"Key": "k", "VersionId": "null"}]
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": every})["Deleted"]) == 2
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)
    assert server.settles_to(files)


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_listing_pages_with_delimiter(s3: Any, bucket: str, page_size: int) -> None:
    keys = ["a", "a/1", "a/2", "a0", "b/c/1", "b/d", "z é+%/1", "z é+%/2", "\U0010ffff/x", "\U0010ffff/y"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def entries(operation: str, **arguments: Any) -> tuple[list[str], list[str]]:
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, PaginationConfig={"PageSize": page_size}, **arguments
        )
        found, prefixes = [], []
        for page in pages:
            sizes = len(page.get("Contents", [])) + len(page.get("CommonPrefixes", []))
            assert sizes <= page_size
            found += [item["Key"] for item in page.get("Contents", [])]
            prefixes += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
        return found, prefixes

    for operation in ("list_objects_v2", "list_objects"):
        assert entries(operation) == (keys, [])
        assert entries(operation, Delimiter="/") == (["a", "a0"], ["a/", "b/", "z é+%/", "\U0010ffff/"])
        assert entries(operation, Prefix="a/") == (["a/1", "a/2"], [])
        assert entries(operation, Prefix="b/", Delimiter="/") == (["b/d"], ["b/c/"])
        assert entries(operation, Prefix="nothing") == ([], [])
    assert entries("list_objects_v2", StartAfter="b/c/1") == (keys[5:], [])
    assert entries("list_objects_v2", StartAfter="a/1", Delimiter="/")[0] == ["a0"]


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_listing_versions_in_pages(s3: Any, versioned: str, page_size: int) -> None:
    for _ in range(3):
        for key in ("a", "b/1", "b/2", "c"):
            s3.put_object(Bucket=versioned, Key=key, Body=b"x")
    s3.delete_object(Bucket=versioned, Key="a")
    paginator = s3.get_paginator("list_object_versions")

    def keys(**arguments: Any) -> list[str]:
        pages = paginator.paginate(Bucket=versioned, PaginationConfig={"PageSize": page_size}, **arguments)
        return [
            item.get("Key") or item["Prefix"]
            for page in pages
            for kind in ("DeleteMarkers", "Versions", "CommonPrefixes")
            for item in page.get(kind, [])
        ]

    assert sorted(keys()) == ["a"] * 4 + ["b/1"] * 3 + ["b/2"] * 3 + ["c"] * 3
    assert sorted(keys(Delimiter="/")) == ["a"] * 4 + ["b/"] + ["c"] * 3
    assert keys(Prefix="b/2") == ["b/2"] * 3


def test_listing_arguments(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    empty = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"] == 1000
    assert error_of(s3.list_objects_v2, Bucket=bucket, ContinuationToken="é") == ("InvalidArgument", 400)
    assert s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]["ID"] == "embedded"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        s3 = client_for(server.endpoint)
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="k", Body=b"content", Metadata={"m": "1"})
        upload = s3.create_multipart_upload(Bucket="kept", Key="big")["UploadId"]
        etag = s3.upload_part(Bucket="kept", Key="big", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        (tmp_path / "blobs" / "0123").write_bytes(b"the rest of an upload that a crash cut off")
        with pytest.raises(RuntimeError, match="in use by another"):
            S3App(tmp_path)
    with serving(tmp_path) as server:
        s3 = client_for(server.endpoint)
        got = s3.get_object(Bucket="kept", Key="k")
        assert (got["Body"].read(), got["Metadata"]) == (b"content", {"m": "1"})
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        s3.complete_multipart_upload(Bucket="kept", Key="big", UploadId=upload, MultipartUpload=parts)
        assert s3.get_object(Bucket="kept", Key="big")["Body"].read() == b"part"
        assert "0123" not in server.content_files()


def test_which_requests_are_s3s(tmp_path: Path) -> None:
    app = S3App(tmp_path / "s3")
    credential = "AWS4-HMAC-SHA256 Credential=k/20261122/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    base = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": ""}
    assert app.handles({**base, "HTTP_AUTHORIZATION": credential.format("s3")})
    assert not app.handles({**base, "HTTP_AUTHORIZATION": credential.format("states")})
    assert app.handles({**base, "QUERY_STRING": "X-Amz-Credential=k%2F20261122%2Fus-east-1%2Fs3%2Faws4_request"})
    app.close()
