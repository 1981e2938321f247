"""Signed requests that make no sense get an error in the shape of the service's protocol, never a page or a trace."""

import contextlib
import json
import socket
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TARGETS = {
    "states": ["AWSStepFunctions.StartExecution", "AWSStepFunctions.DescribeExecution", "AWSStepFunctions.TestState",
               "AWSStepFunctions.CreateStateMachine", "AWSStepFunctions.ListExecutions", "AWSStepFunctions.Nothing",
               "AWSStepFunctions.GetExecutionHistory", "AWSStepFunctions.RedriveExecution", ".", ""],
    "logs": ["Logs_20140328.FilterLogEvents", "Logs_20140328.GetLogEvents", "Logs_20140328.PutLogEvents",
             "Logs_20140328.DescribeLogStreams", "Logs_20140328.Nothing", "Nothing"],
    "events": ["AWSEvents.PutEvents", "AWSEvents.PutRule", "AWSEvents.Nothing", "x"],
    "sqs": ["AmazonSQS.SendMessage", "AmazonSQS.CreateQueue", "AmazonSQS.Nothing"],
    "dynamodb": ["DynamoDB_20120810.ListTables"],
}  # fmt: skip
PATHS = {
    "batch": ["/v1/submitjob", "/v1/describejobs", "/v1/nothing", "/", "/v1/terminatejob", "/v1/registerjobdefinition"],
    "lambda": ["/2015-03-31/functions/none/invocations", "/2015-03-31/functions", "/", "/2015-03-31/functions/%00/x"],
}
QUERIES = {"iam": ["CreateRole", "Nothing", ""], "sns": ["Publish", "Nothing"], "ec2": ["DescribeVpcs", "Nothing", ""],
           "cloudformation": ["DescribeStacks", "Nothing", ""], "monitoring": ["PutMetricData", "Nothing"],
           "sts": ["AssumeRole", "Nothing"]}  # fmt: skip
BODIES = [b"", b"{", b"=&=&%zz",
          b"[]", b"null", b"1", b'"text"', b"{}", b"\xff\xfe\x00", b"<a>", b"[" * 100_000, b'{"a": {"b": [1]}}',
          b'{"stateMachineArn": 1, "name": {}, "input": []}', b'{"jobs": 5}', b'{"logGroupName": {"a": 1}}',
          b'{"Entries": 1}', b'{"Entries": [1]}']  # fmt: skip
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sensible(answer, protocol):
    """Whether an answer is one that a client can read, and no page."""
    assert answer.status < 500 or answer.status == 501, answer.body
    assert b"<html" not in answer.body.lower()
    assert b"Traceback" not in answer.body
    if answer.status < 300 or not answer.body:
        return
    if protocol == "json":
        document = json.loads(answer.body)
        assert document.get("message") or document.get("Message"), answer.body
        assert document.get("__type") or answer.headers["x-amzn-errortype"], answer.body
    else:
        assert ElementTree.fromstring(answer.body).find(".//{*}Code") is not None, answer.body


def ask(bench, raw, service, path, body, protocol, **headers):
    signed = raw.signed(bench.aws.access_key, service, "POST", path, body, **headers)
    sensible(raw("POST", path, signed, body), protocol)


@pytest.mark.parametrize("target", [(service, target) for service in TARGETS for target in TARGETS[service]], ids=str)
@pytest.mark.parametrize("kind", ["application/x-amz-json-1.0", "text/plain"])
def test_json_services(bench, raw, target, kind):
    for body in BODIES:
        ask(bench, raw, target[0], "/", body, "json", **{"X-Amz-Target": target[1], "Content-Type": kind})


@pytest.mark.parametrize("path", [(service, path) for service in PATHS for path in PATHS[service]], ids=str)
def test_services_with_paths(bench, raw, path):
    for body in BODIES:
        ask(bench, raw, *path, body, "json", **{"Content-Type": "application/json"})


@pytest.mark.parametrize("action", [(service, action) for service in QUERIES for action in QUERIES[service]], ids=str)
def test_services_with_queries(bench, raw, action):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in BODIES:
        form = f"Action={action[1]}&Version=2010-05-08&".encode() + body
        ask(bench, raw, action[0], "/", form, "xml", **kind)


@SLOW
@given(body=st.binary(max_size=200), query=st.text("abc=&%?/.uploadId+- ", max_size=30), method=st.sampled_from(
    ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE"]))  # fmt: skip
def test_s3(bench, raw, body, query, method):
    path = f"/{bench.outputs['Bucket']}/garbage?{quote(query, safe='=&')}"
    answer = raw(method, path, raw.signed(bench.aws.access_key, "s3", method, path, body), body)
    assert answer.status != 500, answer.body
    assert b"<html" not in answer.body.lower()


@pytest.mark.parametrize(
    "data",
    [b"\r\n\r\n", b"GET\r\n\r\n",
     b"GET / HTTP/9.9\r\n\r\n", b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00",
     b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n"],
)  # fmt: skip
def test_what_is_not_http(raw, data):
    with socket.create_connection(("127.0.0.1", raw.port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"<html" not in answer.lower()
    assert b"<!doctype" not in answer.lower()
