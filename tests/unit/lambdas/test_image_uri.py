"""The custom resource always answers CloudFormation. Without an answer a deployment hangs for an hour."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from lambdas.image_uri import app, images

VERSION = "arn:aws:lambda:us-east-1:123456789012:function:f:7"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/media@sha256:" + "0" * 64


@pytest.fixture
def cloudformation():
    """A stand-in for CloudFormation: its presigned address, and the answers that it receives."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    server.server_close()


def event(url, request_type):
    return {
        "RequestType": request_type,
        "ResponseURL": url,
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "MediaImage",
        "ResourceProperties": {"FunctionVersion": VERSION},
    }


class Lambda:
    def get_function(self, FunctionName):
        assert FunctionName == VERSION
        return {"Code": {"ResolvedImageUri": IMAGE}}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_the_image_is_told_by_its_digest(cloudformation, monkeypatch, request_type):
    url, received = cloudformation
    monkeypatch.setattr(images.boto3, "client", lambda service: Lambda())
    app.handler(event(url, request_type), None)
    assert received[0]["Status"] == "SUCCESS"
    assert received[0]["Data"] == {"ImageUri": IMAGE}
    assert (received[0]["StackId"], received[0]["RequestId"], received[0]["LogicalResourceId"]) == (
        "s",
        "r",
        "MediaImage",
    )


def test_the_physical_id_stays_so_that_an_update_replaces_nothing(cloudformation, monkeypatch):
    url, received = cloudformation
    monkeypatch.setattr(images.boto3, "client", lambda service: Lambda())
    for request_type in ("Create", "Update", "Delete"):
        app.handler(event(url, request_type), None)
    assert len({answer["PhysicalResourceId"] for answer in received}) == 1
    assert [answer["Status"] for answer in received] == ["SUCCESS"] * 3


class Late:
    """Denies the first calls, as Lambda does while IAM does not know the role's policies yet."""

    def __init__(self, denials, code="AccessDeniedException"):
        self.denials, self.code, self.calls = denials, code, 0

    def get_function(self, FunctionName):
        self.calls += 1
        if self.calls > self.denials:
            return {"Code": {"ResolvedImageUri": IMAGE}}
        raise ClientError({"Error": {"Code": self.code, "Message": "no policy"}}, "GetFunction")


@pytest.fixture
def clock(monkeypatch):
    """A clock that sleeping moves; `clock.waits` are the seconds slept."""
    clock = SimpleNamespace(now=100.0, waits=[])

    def sleep(seconds):
        clock.waits.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(images.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(images.time, "sleep", sleep)
    return clock


@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
def test_a_denial_is_tried_again_while_iam_propagates(cloudformation, monkeypatch, clock, code):
    url, received = cloudformation
    late = Late(7, code)
    monkeypatch.setattr(images.boto3, "client", lambda service: late)
    app.handler(event(url, "Create"), None)
    assert received[0]["Data"] == {"ImageUri": IMAGE}
    assert clock.waits == [1, 2, 4, 8, 10, 10, 10]


def test_a_denial_that_stays_is_told_after_a_minute(cloudformation, monkeypatch, clock):
    url, received = cloudformation
    monkeypatch.setattr(images.boto3, "client", lambda service: Late(10**9))
    app.handler(event(url, "Create"), None)
    assert received[0]["Status"] == "FAILED"
    assert "no policy" in received[0]["Reason"]
    assert 45 <= sum(clock.waits) <= 60


def test_another_error_is_told_at_once(cloudformation, monkeypatch, clock):
    url, received = cloudformation
    late = Late(1, "ResourceNotFoundException")
    monkeypatch.setattr(images.boto3, "client", lambda service: late)
    app.handler(event(url, "Create"), None)
    assert received[0]["Status"] == "FAILED"
    assert clock.waits == []


def test_a_failure_is_told_with_its_reason(cloudformation, monkeypatch):
    url, received = cloudformation

    class Denied:
        def get_function(self, FunctionName):
            raise RuntimeError("AccessDenied")

    monkeypatch.setattr(images.boto3, "client", lambda service: Denied())
    app.handler(event(url, "Create"), None)
    assert received[0]["Status"] == "FAILED"
    assert "AccessDenied" in received[0]["Reason"]
    assert VERSION in received[0]["Reason"]
