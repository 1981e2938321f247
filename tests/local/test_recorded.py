"""The embedded AWS answers in the shapes in which AWS has answered others (recorded/README.md)."""

import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from botocore.loaders import Loader

from local_aws.awslambda.asynchronous import AsyncInvocations
from local_aws.awslambda.invocation import MAX_PAYLOAD_BYTES
from local_aws.batch.attempts import MAX_OVERRIDES, OVERRIDES_TOO_LONG
from local_aws.eventbridge.events import MAX_DETAIL_BYTES, object_created, status_changed
from local_aws.s3.service import ObjectCreated
from tests.recorded import FOLDER, names, recorded, shape
from tests.s3_server import client_for, serving
from tests.waiting import until

#: of a job: only on EC2; older fields in place of ResourceRequirements; depends on how it ended
OPTIONAL_OF_A_JOB = {"ContainerInstanceArn", "Memory", "Vcpus", "ExitCode", "Reason"}
MODEL = Loader().load_service_model("batch", "service-2")


def compare(answer, recordings, optional=(), free=()):
    """An answer has every key that all recordings have, and the keys of both have the same types."""
    found, shapes = shape(answer), [shape(each) for each in recordings]
    ignored = re.compile("|".join([r"^$", *(rf"(^|[.\]]){re.escape(name)}(\.|\[|$)" for name in (*optional, *free))]))
    always = set.intersection(*(set(each) for each in shapes))
    missing = {path for path in always - set(found) if not ignored.search(path) and parent_is_there(path, found)}
    assert not missing
    known = {path: kind for each in shapes for path, kind in each.items()}
    assert {p: k for p, k in found.items() if known.get(p, k) != k} == {}, "types differ"
    return set(found) - set(known)


def parent_is_there(path, found):
    """Whether a key could be in the answer: the items of an empty list have none."""
    return "[]" not in path or path.rpartition("[]")[0] + "[]" in found


def is_in_model(path, name="JobDetail"):
    """Whether a key, in PascalCase, is a member of a shape of AWS Batch's API."""
    members = MODEL["shapes"][name]
    for part in path.replace("[]", "").split("."):
        if members["type"] == "map":
            return True
        member = members["members"].get(part[0].lower() + part[1:])
        if member is None:
            return False
        members = MODEL["shapes"][member["shape"]]
        if members["type"] == "list":
            members = MODEL["shapes"][members["member"]["shape"]]
    return True


# ------------------------------------------------------------ AWS Batch
CAUSES = {"exit-status": ("fail", "7"), "out-of-memory": ("memory",)}


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_of_a_failed_job_has_the_recorded_shape(bench, name):
    result = bench.run(bench.submit(*CAUSES[name], ContainerOverrides={"Environment": [{"Name": "A", "Value": "b"}]}))
    answer = json.loads(result.cause)
    more = compare(answer, [recorded(f"batch-cause-{name}")], OPTIONAL_OF_A_JOB, ["Parameters"])
    assert {path for path in more if not is_in_model(path)} == set(), "no field that AWS Batch does not have"
    assert [*answer] == sorted(answer)
    environment = {pair["Name"]: pair["Value"] for pair in answer["Container"]["Environment"]}
    assert environment == {"COLOUR": "red", "A": "b", "MANAGED_BY_AWS": "STARTED_BY_STEP_FUNCTIONS"}


def test_the_cause_is_compact_or_spaced_json_but_never_anything_else(bench):
    """The state machine matches `"StatusReason":"…` in the text, with and without a space."""
    cause = bench.run(bench.submit("fail", "7")).cause
    assert re.search(r'"StatusReason": ?"Essential container in task exited"', cause)


def test_a_terminated_job_has_no_exit_status_where_its_machine_is_gone():
    """A reader must not count on ExitCode: of seven recordings three have one."""
    causes = {name: recorded(name) for name in names("batch-cause-")}
    with_status = {name for name, cause in causes.items() if "ExitCode" in cause["Container"]}
    assert with_status == {"batch-cause-exit-status", "batch-cause-out-of-memory"}
    assert all("StatusReason" in cause for cause in causes.values())


def test_a_failed_array_has_the_recorded_shape(bench, tmp_path):
    (tmp_path / "go").touch()
    result = bench.run(bench.submit("hold", os.fspath(tmp_path), "1", ArrayProperties={"Size": 3}))
    answer, record = json.loads(result.cause), recorded("batch-cause-array")
    compare(answer, [record], OPTIONAL_OF_A_JOB, ["Parameters"])
    assert answer["ArrayProperties"]["StatusSummary"].keys() == record["ArrayProperties"]["StatusSummary"].keys()
    assert "Index" not in answer["ArrayProperties"]
    found = bench.aws.client("batch").list_jobs(arrayJobId=answer["JobId"], jobStatus="FAILED")["jobSummaryList"]
    (own,) = [each for each in recorded("batch-list-jobs-children")["jobSummaryList"] if each["container"]]
    assert compare(found[0], [own]) == set()
    assert found[0]["jobId"] == f"{answer['JobId']}:1"


def test_a_job_with_too_long_overrides_fails_without_an_attempt(bench):
    result = bench.run(bench.submit("tell", "x" * MAX_OVERRIDES))
    answer, record = json.loads(result.cause), recorded("batch-cause-overrides-too-long")
    assert answer["StatusReason"] == record["StatusReason"] == OVERRIDES_TOO_LONG
    compare(answer, [record], OPTIONAL_OF_A_JOB, ["Parameters"])
    assert answer["Attempts"] == record["Attempts"] == []
    assert bench.run(bench.submit("tell", "x" * (MAX_OVERRIDES - 1000))).status == "SUCCEEDED"


# ------------------------------------------------------------ EventBridge
def test_the_recorded_event_of_a_job_is_a_description_of_it():
    detail = recorded("event-batch-job-state-change")["detail"]
    assert {path for path in shape(detail) if not is_in_model(path)} == set()
    assert detail["container"]["exitCode"] == 1, "camelCase, unlike a Cause"


@pytest.mark.parametrize("version", ["v1", None])
@pytest.mark.parametrize("reason", ["PutObject", "CopyObject", "CompleteMultipartUpload"])
def test_object_created_has_the_recorded_shape(version, reason):
    event = object_created(ObjectCreated("b", "start/a b+c é.mkv", 5, "e", version, "0A", reason))
    recordings = [recorded(name) for name in names("event-object-created")]
    assert compare(event, recordings) == set()
    assert ("version-id" in event["detail"]["object"]) == (version is not None)
    assert event["detail"]["object"]["key"] == "start/a b+c é.mkv", "not URL-encoded"
    assert reason in {each["detail"]["reason"] for each in recordings}


def described(status, **more):
    arn = "arn:aws:states:eu-west-1:123456789012:execution:workflow:run"
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:workflow"
    return {"executionArn": arn, "stateMachineArn": machine, "name": "run", "status": status, "input": "{}", **more}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_the_event_of_an_execution_has_the_recorded_shape(bench, status):
    execution = bench.start({"Type": "Wait", "Seconds": 30} if status != "FAILED" else {"Type": "Fail", "Error": "E"},
                            limit=1 if status == "TIMED_OUT" else None)  # fmt: skip
    if status == "ABORTED":
        bench.states.stop_execution(executionArn=execution)
    until(lambda: bench.states.describe_execution(executionArn=execution)["status"] == status)
    found = bench.states.describe_execution(executionArn=execution)
    assert found["inputDetails"] == {"included": True}
    assert found["stopDate"] > found["startDate"]
    assert ("error" in found) == (status == "FAILED")
    event = status_changed(found)
    record = recorded(f"event-execution-{status.lower().replace('_', '-')}")
    assert compare(event, [record], optional=["error", "cause"]) <= {"detail.error", "detail.cause"}
    assert event["detail"].keys() >= record["detail"].keys() - {"error", "cause"}, "also those that are null"


@pytest.mark.parametrize(
    ("texts", "included"),
    [
        ({"input": '"a"'}, {"input": True, "output": None}),
        ({"input": "x" * MAX_DETAIL_BYTES}, {"input": False, "output": None}),
        ({"input": '"' * (MAX_DETAIL_BYTES // 2)}, {"input": False, "output": None}),
        ({"input": "x" * 1000, "output": "y" * (MAX_DETAIL_BYTES - 500)}, {"input": False, "output": True}),
        ({"input": "x", "output": "y" * MAX_DETAIL_BYTES}, {"input": False, "output": False}),
    ],
)
def test_an_event_leaves_out_what_is_too_long(texts, included):
    detail = status_changed(described("SUCCEEDED", **texts))["detail"]
    for name, there in included.items():
        assert detail[f"{name}Details"] == (None if there is None else {"included": there})
        assert (detail[name] is not None) == bool(there)
    record = recorded("event-execution-without-input")["detail"]
    assert (record["input"], record["inputDetails"]) == (None, {"included": False})


# ------------------------------------------------------------ Lambda
ENDS = {
    "exception": {"do": "raise_error", "id": "7"},
    "timed-out": {"do": "sleep"},
    "killed": {"do": "use_memory"},
    "exit-status": {"do": "exit_now"},
}


@pytest.fixture(scope="module")
def hurried(bench):
    """A function with two seconds."""
    function = replace(bench.aws.functions.get("tests-Pictures")[0], name="tests-Two-Seconds", timeout=2)
    bench.aws.functions.add(function)
    return function.name


@pytest.mark.parametrize("name", ENDS)
def test_a_failure_of_lambda_has_the_recorded_shape(bench, hurried, name):
    """Step Functions names the error by errorType, and its Cause is the payload."""
    function = hurried if name == "timed-out" else bench.outputs["Alias"]
    answer = bench.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(ENDS[name]))
    error, record = json.loads(answer["Payload"].read()), recorded(f"lambda-{name}")
    assert answer["FunctionError"] == "Unhandled"
    assert compare(error, [record]) == set()
    if name != "exception":
        assert error["errorType"] == record["errorType"]
        assert words(error) == words(record)
    task = bench.invoke(**ENDS[name])
    task["Parameters"]["FunctionName"] = function
    result = bench.run(task)
    assert result.error == error["errorType"]
    assert compare(json.loads(result.cause), [record]) == set()


def words(error):
    """The message without its ids and numbers."""
    return re.sub(r"[0-9a-f-]{36}|[0-9.]+", "#", error["errorMessage"])


def test_lambda_takes_and_gives_as_many_bytes_as_it_says():
    assert f"({MAX_PAYLOAD_BYTES} bytes)" in recorded("lambda-response-too-large")["errorMessage"]


def test_a_dead_letter_of_lambda_names_its_request_and_status():
    sent = []
    function = SimpleNamespace(max_age=60, max_retries=0, on_failure=None, dead_letter="arn:queue")
    failed = SimpleNamespace(payload=json.dumps({"errorMessage": "é" * 2000}).encode(), error="Unhandled")
    concurrency = SimpleNamespace(take=lambda _: None)
    active = SimpleNamespace(require_active=lambda _: None)
    functions = SimpleNamespace(
        get=lambda _: (function, "1"), concurrency=concurrency, states=active, run=lambda *_: failed
    )
    targets = SimpleNamespace(send_to_queue=lambda *message: sent.append(message))
    invocations = AsyncInvocations(functions, targets)
    invocations.start("arn", b"{}")
    until(lambda: sent, "the dead letter")
    invocations.close()
    ((queue, body, attributes),) = sent
    assert (queue, body) == ("arn:queue", "{}")
    assert re.fullmatch("[0-9a-f-]{36}", attributes.pop("RequestID"))
    assert attributes == {"ErrorCode": 200, "ErrorMessage": "é" * 512}, "the first KB of the message"


def test_the_record_of_an_asynchronous_failure_has_the_recorded_shape(bench, tmp_path):
    payload = {"do": "fail_when_odd", "calls": os.fspath(tmp_path / "calls")}
    client = bench.aws.client("lambda")
    client.invoke(FunctionName=bench.outputs["Alias"], InvocationType="Event", Payload=json.dumps(payload))
    record = json.loads(bench.messages("Lost")[0]["Body"])
    more = compare(record, [recorded("lambda-async-record")], free=["requestPayload", "responsePayload"])
    assert {path for path in more if not path.startswith(("requestPayload", "responsePayload"))} == set()


# ------------------------------------------------------------ S3
def error_document(name):
    return ElementTree.parse(FOLDER / f"s3-{name}.xml").getroot()


def test_the_errors_of_s3_have_the_recorded_shapes(tmp_path):
    with serving(tmp_path) as server:
        s3, bucket = client_for(server.endpoint), "recorded-bucket"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="there", Body=b"x")
        asked = {
            "no-such-key": ("GET", f"/{bucket}/gone", None, {}),
            "no-such-version": ("GET", f"/{bucket}/gone?versionId=gone", None, {}),
            "precondition-failed": ("PUT", f"/{bucket}/there", b"y", {"if_none_match": "*"}),
            "no-such-upload": ("DELETE", f"/{bucket}/gone?uploadId=gone", None, {}),
        }
        for name, (method, path, body, headers) in asked.items():
            answer = server.raw(method, path, body, **headers)
            found, record = ElementTree.fromstring(answer.read()), error_document(name)
            assert found.tag == record.tag == "Error", name
            assert found.findtext("Code") == record.findtext("Code"), name
            assert {child.tag for child in record} - {child.tag for child in found} == set(), name
            assert answer.getheader("Content-Type") == "application/xml", name
