"""S3 does for a role what its policies and the bucket's allow, over a real connection."""

import json
import threading

import pytest
from botocore.exceptions import ClientError

from local_aws.access.authenticator import Authenticator
from local_aws.access.keys import AccessKeys
from local_aws.http_server import http_server
from local_aws.iam import ROLE
from local_aws.iam.policies import Policy
from local_aws.s3 import S3App
from tests.s3_server import client_with, error_of

BUCKET = "av-workflow-bucket"
OBJECTS = f"arn:aws:s3:::{BUCKET}"
WORKER = "arn:aws:iam::123456789012:role/worker"
LISTER = "arn:aws:iam::123456789012:role/lister"
DENIED = ("AccessDenied", 403)
HEAD_DENIED = ("403", 403)


def allow(actions, *keys):
    return {"Effect": "Allow", "Action": actions, "Resource": [f"{OBJECTS}/{key}" for key in keys]}


POLICIES = {
    WORKER: [
        allow(["s3:GetObject"], "in/*", "shared/*"),
        allow(["s3:GetObjectVersion"], "in/*"),
        allow(["s3:PutObject"], "out/*.txt", "result/*"),
        allow(["s3:DeleteObject", "s3:AbortMultipartUpload"], "out/*", "result/*"),
    ],
    LISTER: [
        allow(["s3:GetObject"], "*"),
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": OBJECTS},
    ],
}
NO_RESULTS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["s3:Put*", "s3:Delete*"],
    "Resource": f"{OBJECTS}/result/*",
    "Condition": {"ArnEquals": {"aws:PrincipalArn": [WORKER]}},
}


def policies_of(role):
    return [Policy.of(json.dumps({"Statement": POLICIES.get(role, [])}))]


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A client by role, and the user's by None; the objects in/a and shared/a are there."""
    app, keys = S3App(tmp_path_factory.mktemp("s3"), policies=policies_of), AccessKeys()
    authenticator = Authenticator(keys)

    def served(environ, start_response):
        key = authenticator.check(environ)
        return app(environ if key.role is None else {**environ, ROLE: key.role}, start_response)

    front = http_server(served)
    thread = threading.Thread(target=front.serve_forever, args=(0.05,))
    thread.start()
    owner = keys.issue()
    found = {None: client_with(f"http://127.0.0.1:{front.port}", owner)}
    for role in (WORKER, LISTER, "arn:aws:iam::123456789012:role/unknown"):
        found[role] = client_with(f"http://127.0.0.1:{front.port}", keys.of_role(role))
    found[None].create_bucket(Bucket=BUCKET)
    found[None].put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("in/a", "shared/a", "result/a", "private/a"):
        found[None].put_object(Bucket=BUCKET, Key=key, Body=b"content")
    yield found
    front.shutdown()
    thread.join()
    front.server_close()
    app.close()


@pytest.fixture(scope="module")
def worker(clients):
    return clients[WORKER]


def test_a_role_reads_and_writes_what_it_may(worker):
    assert worker.get_object(Bucket=BUCKET, Key="in/a")["Body"].read() == b"content"
    version = worker.head_object(Bucket=BUCKET, Key="in/a")["VersionId"]
    assert worker.get_object(Bucket=BUCKET, Key="in/a", VersionId=version)["Body"].read() == b"content"
    worker.put_object(Bucket=BUCKET, Key="out/b.txt", Body=b"b")
    worker.copy_object(Bucket=BUCKET, Key="out/c.txt", CopySource={"Bucket": BUCKET, "Key": "in/a"})
    worker.delete_object(Bucket=BUCKET, Key="out/c.txt")


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("get_object", {"Key": "private/a"}),
        ("get_object", {"Key": "out/b.txt"}),
        ("put_object", {"Key": "in/a", "Body": b""}),
        ("put_object", {"Key": "out/b.exe", "Body": b""}),
        ("put_object", {"Key": "out/b.txt", "Body": b"", "Tagging": "a=b"}),
        ("delete_object", {"Key": "in/a"}),
        ("delete_object", {"Key": "out/b.txt", "VersionId": "null"}),
        ("copy_object", {"Key": "out/d.txt", "CopySource": {"Bucket": BUCKET, "Key": "private/a"}}),
        ("copy_object", {"Key": "in/d", "CopySource": {"Bucket": BUCKET, "Key": "in/a"}}),
        ("get_object", {"Key": "shared/a", "VersionId": "null"}),
        ("create_multipart_upload", {"Key": "in/big"}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "out/b.txt"}]}}),
        ("get_object_tagging", {"Key": "in/a"}),
        ("list_objects_v2", {}),
        ("list_objects_v2", {"Prefix": "in/"}),
        ("list_object_versions", {}),
        ("get_bucket_versioning", {}),
        ("put_bucket_policy", {"Policy": "{}"}),
        ("delete_bucket", {}),
    ],
)
def test_a_role_is_denied_all_else(worker, call, arguments):
    assert error_of(getattr(worker, call), Bucket=BUCKET, **arguments) == DENIED


def test_a_role_without_policies_may_nothing(clients):
    unknown = clients["arn:aws:iam::123456789012:role/unknown"]
    assert error_of(unknown.get_object, Bucket=BUCKET, Key="in/a") == DENIED
    assert error_of(unknown.list_buckets) == DENIED


def test_who_may_not_list_is_not_told_that_an_object_is_missing(clients, worker):
    assert error_of(worker.get_object, Bucket=BUCKET, Key="in/none") == DENIED
    assert error_of(worker.head_object, Bucket=BUCKET, Key="in/none") == HEAD_DENIED
    assert error_of(worker.get_object, Bucket=BUCKET, Key="in/a", VersionId="none") == DENIED
    source = {"Bucket": BUCKET, "Key": "in/none"}
    assert error_of(worker.copy_object, Bucket=BUCKET, Key="out/c.txt", CopySource=source) == DENIED
    assert error_of(clients[LISTER].get_object, Bucket=BUCKET, Key="in/none") == ("NoSuchKey", 404)
    assert error_of(clients[LISTER].head_object, Bucket=BUCKET, Key="in/none") == ("404", 404)
    assert error_of(clients[None].get_object, Bucket=BUCKET, Key="in/none") == ("NoSuchKey", 404)


def test_a_multipart_upload_needs_the_permission_of_a_put_and_that_to_abort(worker):
    upload = {"Bucket": BUCKET, "Key": "out/big.txt"}
    upload["UploadId"] = worker.create_multipart_upload(**upload)["UploadId"]
    worker.upload_part(**upload, PartNumber=1, Body=b"1")
    assert error_of(worker.list_parts, **upload) == DENIED
    worker.abort_multipart_upload(**upload)


def test_a_denial_by_the_bucket_outweighs_the_role_and_does_not_concern_others(clients, worker):
    worker.put_object(Bucket=BUCKET, Key="result/b", Body=b"")
    tls = {**NO_RESULTS, "Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Resource": f"{OBJECTS}/*"}
    clients[None].put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": [NO_RESULTS, tls]}))
    try:
        assert error_of(worker.put_object, Bucket=BUCKET, Key="result/b", Body=b"") == DENIED
        assert error_of(worker.delete_object, Bucket=BUCKET, Key="result/a") == DENIED
        clients[None].put_object(Bucket=BUCKET, Key="result/b", Body=b"")
        clients[None].delete_object(Bucket=BUCKET, Key="result/b")
    finally:
        clients[None].delete_bucket_policy(Bucket=BUCKET)
    worker.delete_object(Bucket=BUCKET, Key="result/b")


def test_what_a_bucket_allows_a_role_needs_no_policy_of_the_role(clients):
    unknown = clients["arn:aws:iam::123456789012:role/unknown"]
    shared = {**allow("s3:GetObject", "shared/*"), "Principal": {"AWS": "arn:aws:iam::123456789012:role/unknown"}}
    clients[None].put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": shared}))
    try:
        assert unknown.get_object(Bucket=BUCKET, Key="shared/a")["Body"].read() == b"content"
        with pytest.raises(ClientError, match="AccessDenied"):
            unknown.get_object(Bucket=BUCKET, Key="in/a")
    finally:
        clients[None].delete_bucket_policy(Bucket=BUCKET)
