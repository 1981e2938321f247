"""What functions and jobs print is in their log groups while they run, and their metrics are in CloudWatch."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from local_aws.logs.collector import metrics_in
from tests.waiting import until

FUNCTION, JOBS = "/aws/lambda/tests-Pictures", "/tests/jobs"


@pytest.fixture(scope="module")
def logs(bench):
    return bench.aws.client("logs")


def messages(logs, group, **filters):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **filters)
    try:
        return [event["message"] for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:  # nothing has been written
        return []


def test_a_function_writes_while_it_runs(bench, logs, tmp_path):
    execution = bench.start(bench.invoke("sleep", pid_file=str(tmp_path / "pids")))
    until(lambda: "sleeping" in messages(logs, FUNCTION))
    assert bench.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    bench.states.stop_execution(executionArn=execution)


def test_a_function_has_a_stream_for_each_invocation_and_tells_how_it_ended(bench, logs):
    answer = bench.aws.client("lambda").invoke(
        FunctionName=bench.outputs["Pictures"], Payload=json.dumps({"do": "raise_error", "id": 7}).encode()
    )
    request = answer["ResponseMetadata"]["RequestId"]
    name = f"[$LATEST]{request.replace('-', '')}"
    streams = logs.describe_log_streams(logGroupName=FUNCTION, orderBy="LastEventTime", descending=True)["logStreams"]
    (stream,) = [found for found in streams if found["logStreamName"].endswith(name)]
    assert stream["firstEventTimestamp"] <= stream["lastEventTimestamp"] <= time.time() * 1000
    said = logs.get_log_events(logGroupName=FUNCTION, logStreamName=stream["logStreamName"])["events"]
    texts = [event["message"] for event in said]
    assert texts[0] == f"START RequestId: {request} Version: $LATEST"
    assert "[ERROR] PictureNotFound: no picture 7" in texts
    assert texts[-1].startswith(f"REPORT RequestId: {request}\tDuration: ")
    assert texts[-1].endswith("Error Type: PictureNotFound")


def test_the_context_of_a_function_names_its_stream(bench, logs):
    said = bench.run(bench.invoke("environment")).output["Payload"]
    assert said["AWS_LAMBDA_LOG_GROUP_NAME"] == FUNCTION


def test_a_job_writes_to_the_group_and_the_stream_that_its_definition_names(bench, logs):
    job = bench.run(bench.submit("fail", "3", JobName="writer"))
    described = json.loads(job.cause)
    stream = described["Container"]["LogStreamName"]
    assert stream == f"part/default/{described['JobId']}"
    said = logs.get_log_events(logGroupName=JOBS, logStreamName=stream, startFromHead=True)["events"]
    assert [event["message"] for event in said] == ["job fail attempt 1"]


def test_the_children_of_an_array_have_streams_of_their_own(bench, logs):
    result = bench.run(bench.submit("flaky", JobName="flaky-array", ArrayProperties={"Size": 2}))
    for index in range(2):
        stream = f"part/default/{result.output['JobId']}-{index}"
        said = logs.get_log_events(logGroupName=JOBS, logStreamName=stream)["events"]
        assert [event["message"] for event in said] == ["job flaky attempt 1", "job flaky attempt 2"]


def test_the_metrics_that_a_function_prints_are_in_cloudwatch(bench):
    metrics = {"Namespace": "tests", "Dimensions": [["step"], []], "Metrics": [{"Name": "Frames", "Unit": "Count"}]}
    for frames in ([10, 20], 30):
        line = {"_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [metrics]}, "step": "yolov3"}
        assert bench.run(bench.invoke("say", line=json.dumps({**line, "Frames": frames}))).status == "SUCCEEDED"
    cloudwatch = bench.aws.client("cloudwatch")
    dimensions = [{"Name": "step", "Value": "yolov3"}]
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}

    def sums():
        wanted = {"Namespace": "tests", "MetricName": "Frames", "Period": 3600, **window}
        found = cloudwatch.get_metric_statistics(**wanted, Dimensions=dimensions, Statistics=["Sum", "Maximum"])
        return {(each["Sum"], each["Maximum"], each["Unit"]) for each in found["Datapoints"]}

    until(lambda: sums() == {(60.0, 30.0, "Count")})
    listed = cloudwatch.list_metrics(Namespace="tests")["Metrics"]
    assert {len(metric["Dimensions"]) for metric in listed} == {0, 1}
    stat = {"Metric": {"Namespace": "tests", "MetricName": "Frames", "Dimensions": dimensions}, "Period": 3600}
    query = [{"Id": "frames", "MetricStat": {**stat, "Stat": "Sum"}}]
    (result,) = cloudwatch.get_metric_data(MetricDataQueries=query, **window)["MetricDataResults"]
    assert sum(result["Values"]) == 60


@pytest.mark.parametrize(
    "line",
    ["", "_aws", '{"_aws": 1}', '{"_aws": {"Timestamp": 1}}', '["_aws"]', "[" * 100_000,
     '{"_aws": {"Timestamp": "x", "CloudWatchMetrics": [{"Namespace": "n"}]}}',
     '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n", "Dimensions": [["d"]], "Metrics": [{"Name": '
     '"m"}]}]}, "m": 1}'],
)  # fmt: skip
def test_a_line_that_is_no_metric_is_none(line):
    assert metrics_in(line) == []
