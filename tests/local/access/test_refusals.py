"""Requests that are not signed by the session's key get the error of the service that they ask, in its own shape."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.access.keys import AccessKey
from local_aws.sandbox.containers import Containers

ROOT = Path(__file__).parents[3]
#: service -> a call, and the codes for: unsigned, an unknown key, a wrong secret, a wrong clock
JSON = ("MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException")
QUERY = ("MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch")
CALLS = {
    "s3": (lambda s3: s3.list_buckets(), ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")),
    "stepfunctions": (lambda states: states.list_state_machines(), JSON),
    "lambda": (lambda functions: functions.list_functions(), JSON),
    "batch": (lambda batch: batch.describe_job_queues(), JSON),
    "logs": (lambda logs: logs.describe_log_groups(), JSON),
    "events": (lambda events: events.list_rules(), JSON),
    "sqs": (lambda sqs: sqs.list_queues(), JSON),
    "cloudwatch": (lambda metrics: metrics.list_metrics(), JSON),
    "dynamodb": (lambda tables: tables.list_tables(), JSON),
    "sns": (lambda sns: sns.list_topics(), QUERY),
    "iam": (lambda iam: iam.list_roles(), QUERY),
    "cloudformation": (lambda stacks: stacks.describe_stacks(), QUERY),
    "ec2": (lambda ec2: ec2.describe_vpcs(), ("MissingAuthenticationToken", "AuthFailure", "SignatureDoesNotMatch")),
}


def client(url, service, key, **config):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, **config),
    )


def code_of(call, made):
    with pytest.raises(ClientError) as caught:
        call(made)
    answer = caught.value.response
    assert answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] in (400, 401, 403)
    return answer["Error"]["Code"]


@pytest.mark.parametrize("service", CALLS)
def test_each_service_refuses_in_its_own_words(bench, service):
    (call, codes), key = CALLS[service], bench.aws.access_key
    unsigned = client(bench.aws.url, service, key, signature_version=UNSIGNED)
    unknown = client(bench.aws.url, service, AccessKey("local", "local"))
    other = client(bench.aws.url, service, AccessKey(key.id, key.secret[::-1]))
    assert (code_of(call, unsigned), code_of(call, unknown), code_of(call, other)) == codes
    token = client(bench.aws.url, service, AccessKey(key.id, key.secret, "token"))
    assert code_of(call, token) == ("InvalidToken" if service == "s3" else codes[1])


def test_what_is_signed_by_the_key_is_answered(bench):
    for service in (
        "s3",
        "stepfunctions",
        "lambda",
        "batch",
        "logs",
        "events",
        "sqs",
        "cloudwatch",
        "sns",
        "iam",
        "ec2",
    ):
        CALLS[service][0](client(bench.aws.url, service, bench.aws.access_key))


def test_a_service_that_is_not_here_says_so(bench):
    dynamodb = client(bench.aws.url, "dynamodb", bench.aws.access_key)
    with pytest.raises(ClientError, match=r"UnknownOperationException.*dynamodb"):
        dynamodb.list_tables()


def test_a_presigned_url_expires(raw, bench, monkeypatch):
    s3 = client(bench.aws.url, "s3", bench.aws.access_key, signature_version="s3v4")
    bucket = bench.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="a b", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    target = url.removeprefix(bench.aws.url)
    assert raw("GET", target, {}).body == b"content"
    forged = raw("GET", target.replace("X-Amz-Expires=60&", "X-Amz-Expires=90&"), {})
    assert (forged.status, code_in(forged.body)) == (403, "SignatureDoesNotMatch")
    signed = datetime.now(UTC) - timedelta(seconds=62)  # the time of a signature is in whole seconds
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    late = raw("GET", url.removeprefix(bench.aws.url), {})
    assert (late.status, code_in(late.body)) == (403, "AccessDenied")
    document = ElementTree.fromstring(late.body)
    assert document.findtext("Message") == "Request has expired"
    assert document.findtext("X-Amz-Expires") == "60"
    assert document.findtext("Expires") < document.findtext("ServerTime")


def code_in(body):
    return ElementTree.fromstring(body).findtext("Code")


def test_a_presigned_url_is_for_one_method_and_one_object(raw, bench):
    for version in ("s3v4", "s3"):
        s3 = client(bench.aws.url, "s3", bench.aws.access_key, signature_version=version)
        bucket = bench.outputs["Bucket"]
        s3.put_object(Bucket=bucket, Key="mine", Body=b"content")
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "mine"})
        target = url.removeprefix(bench.aws.url)
        assert raw("GET", target, {}).body == b"content"
        for method, changed in (("DELETE", target), ("PUT", target), ("GET", target.replace("mine", "other"))):
            answer = raw(method, changed, {}, b"x" if method == "PUT" else b"")
            assert (answer.status, code_in(answer.body)) == (403, "SignatureDoesNotMatch")
        assert s3.get_object(Bucket=bucket, Key="mine")["Body"].read() == b"content"


@pytest.mark.parametrize("service", ["cloudformation", "iam", "sns", "sqs", "lambda", "states", "monitoring", "S3"])
def test_a_presigned_url_is_for_one_service(raw, bench, service):
    """Version 2 signs neither the payload nor most parameters, and S3 alone has it."""
    s3 = client(bench.aws.url, "s3", bench.aws.access_key, signature_version="s3")
    bucket = bench.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key="mine", Body=b"content")
    scope = f"&X-Amz-Credential=a%2F20261126%2Fus-east-1%2F{service}%2Faws4_request&Action=ListRoles&Version=2010-05-08"
    for url in (
        s3.generate_presigned_url("list_buckets"),
        s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "mine"}),
        s3.generate_presigned_url("get_object", Params={"Bucket": "2015-03-31", "Key": "functions"}),
    ):
        target = url.removeprefix(bench.aws.url)
        answer = raw("GET", (target if "?" in target else target + "?") + scope, {})
        assert answer.status in (400, 403), answer.body
        assert not any(word in answer.body for word in (b"Result", b"Functions", b"content"))


def test_a_payload_that_was_not_signed_is_refused(raw, bench):
    key, start = bench.aws.access_key, "AWSStepFunctions.CreateStateMachine"
    headers = {"X-Amz-Target": start, "Content-Type": "application/x-amz-json-1.0"}
    answer = raw("POST", "/", raw.signed(key, "states", "POST", "/", b"{}", **headers), b'{"name": "evil"}')
    assert (answer.status, json.loads(answer.body)["__type"]) == (403, "InvalidSignatureException")
    path = f"/{bench.outputs['Bucket']}?versioning"
    document = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    answer = raw("PUT", path, raw.signed(key, "s3", "PUT", path, document[::-1]), document)
    assert (answer.status, code_in(answer.body)) == (400, "XAmzContentSHA256Mismatch")


def test_a_document_that_is_too_large_is_refused(raw, bench):
    headers = {"X-Amz-Target": "AWSStepFunctions.StartExecution", "Content-Type": "application/x-amz-json-1.0"}
    signed = raw.signed(bench.aws.access_key, "states", "POST", "/", b"", **headers)
    answer = raw("POST", "/", signed, b" " * (17 << 20))
    assert (answer.status, json.loads(answer.body)["__type"]) == (413, "RequestEntityTooLargeException")


def test_the_key_is_new_in_each_session_and_each_role_has_its_own(bench):
    roles = {function.configuration.get("Role") for function in bench.aws.functions.all()}
    assert roles
    keys = [bench.aws.access_key, *map(bench.aws.keys.of_role, roles)]
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == len(keys)
    assert "local" not in {part for key in keys for part in (key.id, key.secret)}


def test_a_function_has_the_key_of_its_role(bench):
    said = bench.run(bench.invoke("environment")).output["Payload"]
    function, _ = bench.aws.functions.get(bench.outputs["Pictures"])
    key = bench.aws.keys.of_role(function.configuration["Role"])
    assert key.environment.items() <= said.items()
    assert bench.aws.access_key.id not in said.values()


def test_a_job_has_the_key_of_its_role(bench, tmp_path):
    assert bench.run(bench.submit("environment", str(tmp_path / "said"))).status == "SUCCEEDED"
    said = dict(line.partition("=")[::2] for line in (tmp_path / "said").read_text().splitlines())
    assert bench.aws.keys.of_role(bench.outputs["RoleArn"]).environment.items() <= said.items()


def test_a_container_gets_its_key_where_other_users_cannot_see_it(bench, tmp_path):
    key = bench.aws.keys.of_role(bench.outputs["RoleArn"])
    command = Containers({}).job({"image": "i"}, [], {}, tmp_path)
    assert {f"--env={name}" for name in key.environment} <= {*command}
    assert not [word for word in command if key.secret in word]


def test_requests_wait_until_the_stack_is_there(tmp_path):
    """Another process: one process has one embedded AWS at a time."""
    done = subprocess.run(
        [sys.executable, "-c", WAITING, os.fspath(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


WAITING = """
import sys, threading, time, boto3
from pathlib import Path
from local_aws.server import LocalAws
with LocalAws(Path("."), Path(sys.argv[1])) as aws:
    key, answers = aws.access_key, []
    states = boto3.client("stepfunctions", endpoint_url=aws.url, region_name="us-east-1",
                          aws_access_key_id=key.id, aws_secret_access_key=key.secret)
    caller = threading.Thread(target=lambda: answers.append(states.list_state_machines()["stateMachines"]))
    caller.start()
    time.sleep(0.5)
    assert not answers, "answered before the stack was there"
    aws.client("stepfunctions").create_state_machine(name="m", roleArn="arn:aws:iam::123456789012:role/r",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    aws.admit()
    caller.join(30)
    assert [machine["name"] for machine in answers[0]] == ["m"]
print("done")
"""
