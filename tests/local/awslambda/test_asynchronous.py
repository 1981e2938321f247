"""Asynchronous invocations: tried again when they fail, and reported when they are lost."""

import json
import os
import time

from tests.waiting import until


def test_an_asynchronous_failure_is_tried_three_times_and_reported_lost(bench, tmp_path):
    calls = tmp_path / "calls"
    payload = {"do": "fail_when_odd", "calls": os.fspath(calls)}
    client = bench.aws.client("lambda")
    client.invoke(FunctionName=bench.outputs["Alias"], InvocationType="Event", Payload=json.dumps(payload))
    (message,) = bench.messages("Lost")
    assert calls.read_text() == "xxx"
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == payload
    assert record["responsePayload"]["errorType"] == "PictureNotFound"


def test_an_asynchronous_success_is_not_repeated(bench, tmp_path):
    calls = tmp_path / "calls"
    payload = {"do": "fail_when_odd", "calls": os.fspath(calls), "fail": False}
    client = bench.aws.client("lambda")
    client.invoke(FunctionName=bench.outputs["Alias"], InvocationType="Event", Payload=json.dumps(payload))
    until(calls.exists)
    time.sleep(1)  # it would have begun again by now; a slower machine gives it more time, not less
    assert calls.read_text() == "x"
