"""The log of a child of a large array job: how many requests the console makes, and what it says of the others."""

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
