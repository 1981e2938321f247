"""The log behind a try, with answers of AWS in the shapes of its API references: pages, refusals, large arrays."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from avflow_cli.console.history import Attempt
from avflow_cli.console.logs import NOT_ASKED, log_of

JOB = "0a1b2c3d-0000-0000-0000-000000000000"


def described(job_id, status, **more):
    facts = {"jobName": "yolov3", "jobQueue": "queue", "startedAt": 0, "jobDefinition": "yolov3:1"}
    return {"jobId": job_id, "status": status, **facts, **more}


@pytest.mark.parametrize(
    ("size", "child", "first", "last"), [(1000, 0, 0, 99), (1000, 500, 450, 549), (1000, 999, 900, 999), (3, 2, 0, 2)]
)
def test_one_request_asks_for_the_children_around_the_one_that_is_looked_at(size, child, first, last):
    batch = boto3.client("batch", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    near = [f"{JOB}:{number}" for number in range(first, last + 1)]
    attempt = Attempt("batch", "submitJob.sync", "", datetime.now(UTC))
    attempt.job = JOB
    with Stubber(batch) as stubbed:  # a third request would fail
        parent = described(JOB, "PENDING", arrayProperties={"size": size})
        stubbed.add_response("describe_jobs", {"jobs": [parent]}, {"jobs": [JOB]})
        children = [described(each, "RUNNABLE") for each in near]
        stubbed.add_response("describe_jobs", {"jobs": children}, {"jobs": near})
        found = log_of({"batch": batch}.__getitem__, attempt, "execution", child)
        stubbed.assert_no_pending_responses()
    assert (found.title, found.why) == (f"AWS Batch job {JOB}:{child}", "The job is RUNNABLE.")
    assert len(found.parts) == size
    assert {at for at, status in enumerate(found.parts) if status == "RUNNABLE"} == {*range(first, last + 1)}
    assert {*found.parts} <= {"RUNNABLE", NOT_ASKED}


GROUP, STREAM = "/aws/lambda/films-merge", "2026/11/27/[$LATEST]1"
DENIAL = {"service_error_code": "AccessDeniedException", "service_message": "not authorized", "http_status_code": 403}


def client(service):
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")


def event(number):
    return {"timestamp": number, "message": f"line {number}\n"}


@pytest.fixture
def merge():
    """A try of Merge on Lambda."""
    asked = {"FunctionName": "arn:aws:lambda:us-east-1:111122223333:function:films-merge", "Payload": {}}
    attempt = Attempt("lambda", "invoke", json.dumps(asked), datetime(2026, 11, 27, tzinfo=UTC))
    attempt.ended = datetime(2026, 11, 27, 0, 1, tzinfo=UTC)
    return attempt


def test_empty_pages_are_not_the_end_of_a_log(merge):
    """Both operations may answer with no event and a token, while there are events."""
    functions, logs = client("lambda"), client("logs")
    with Stubber(functions) as lambdas, Stubber(logs) as stubbed:
        lambdas.add_response("get_function_configuration", {"LoggingConfig": {"LogGroup": GROUP}})
        stubbed.add_response("filter_log_events", {"events": [], "nextToken": "more"})
        stubbed.add_response("filter_log_events", {"events": [{**event(2), "logStreamName": STREAM}]})
        for events, token in (([], "b1"), ([event(2), event(3)], "b2"), ([event(1)], "b3"), ([], "b3")):
            stubbed.add_response("get_log_events", {"events": events, "nextBackwardToken": token})
        found = log_of({"lambda": functions, "logs": logs}.__getitem__, merge, "my-execution")
        stubbed.assert_no_pending_responses()
    assert (found.group, found.stream) == (GROUP, STREAM)
    assert found.lines == [(1, "line 1"), (2, "line 2"), (3, "line 3")]


def test_who_may_not_ask_for_the_function_gets_the_log_of_the_usual_group(merge):
    functions, logs = client("lambda"), client("logs")
    with Stubber(functions) as lambdas, Stubber(logs) as stubbed:
        lambdas.add_client_error("get_function_configuration", **DENIAL)
        stubbed.add_response("filter_log_events", {"events": []})
        found = log_of({"lambda": functions, "logs": logs}.__getitem__, merge, "my-execution")
    assert (found.group, found.why) == (GROUP, "It has printed nothing yet.")
