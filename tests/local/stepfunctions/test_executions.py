"""Executions as callers see them: names and duplicates, stopping, errors, and the AWS CLI."""

import json
import os
import shutil
import subprocess
import threading
import time

import pytest
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

from tests.waiting import until

WAIT = {"Type": "Wait", "Seconds": 3600}
PASS = {"Type": "Pass", "End": True}


@pytest.fixture
def machine(bench, request):
    """A state machine that waits."""
    name = f"waits-{time.monotonic_ns()}"
    definition = json.dumps({"StartAt": "T", "States": {"T": {**WAIT, "End": True}}})
    return bench.states.create_state_machine(name=name, definition=definition, roleArn=bench.outputs["RoleArn"])[
        "stateMachineArn"
    ]


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(bench, machine):
    start = bench.states.start_execution
    first = start(stateMachineArn=machine, name="one", input='{"a": 1}')
    assert start(stateMachineArn=machine, name="one", input='{"a": 1}')["executionArn"] == first["executionArn"]
    with pytest.raises(bench.states.exceptions.ExecutionAlreadyExists):
        start(stateMachineArn=machine, name="one", input='{"a": 2}')
    bench.states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(bench.states.exceptions.ExecutionAlreadyExists):
        start(stateMachineArn=machine, name="one", input='{"a": 1}')
    assert len(bench.states.list_executions(stateMachineArn=machine)["executions"]) == 1


@pytest.mark.parametrize("name", ["x" * 81, "a b", "a/b", "a:b", "ä\x00"])
def test_a_name_that_aws_refuses_is_refused(bench, machine, name):
    with pytest.raises(bench.states.exceptions.InvalidName):
        bench.states.start_execution(stateMachineArn=machine, name=name)


def test_an_execution_without_a_name_gets_one(bench, machine):
    execution = bench.states.start_execution(stateMachineArn=machine)["executionArn"]
    assert len(execution.rpartition(":")[2]) == 36
    bench.states.stop_execution(executionArn=execution)


def test_stopping_shows_at_once(bench):
    execution = bench.start(bench.invoke("sleep"))
    until(lambda: "TaskStarted" in bench.history(execution))
    assert bench.states.stop_execution(executionArn=execution)["stopDate"]
    found = bench.states.describe_execution(executionArn=execution)
    assert found["status"] == "ABORTED"
    assert found["stopDate"] >= found["startDate"]


@pytest.mark.parametrize(
    ("state", "last", "expected"),
    [
        ({"Type": "Fail", "Error": "Spoilt", "Cause": "It is."}, "ExecutionFailed", ("FAILED", "Spoilt", "It is.")),
        (PASS, "ExecutionSucceeded", ("SUCCEEDED", None, None)),
    ],
)
def test_a_stop_that_comes_too_late_changes_nothing(bench, monkeypatch, state, last, expected):
    """The last event is in the history, and the status does not follow yet."""
    terminated, go = BaseExecutionWorkerCommunication.terminated, threading.Event()
    monkeypatch.setattr(
        BaseExecutionWorkerCommunication, "terminated", lambda self: (go.wait(30), terminated(self))[-1]
    )
    execution = bench.start(state)
    until(lambda: last in bench.history(execution))
    bench.states.stop_execution(executionArn=execution, error="Mistake", cause="The wrong video.")
    stopped = bench.states.describe_execution(executionArn=execution)
    go.set()
    ended = bench.finish(execution)
    assert (stopped["status"], stopped.get("error"), stopped.get("cause")) == expected
    assert (ended.status, ended.error, ended.cause) == expected
    assert bench.history(execution)[-1] == last


def test_a_state_that_times_out(bench):
    result = bench.run({**bench.invoke("sleep"), "TimeoutSeconds": 1})
    assert (result.status, result.error) == ("FAILED", "States.Timeout")


def test_task_failed_does_not_catch_a_timeout(bench):
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "C"}]
    assert bench.run({**bench.invoke("sleep"), "TimeoutSeconds": 1, "Catch": catch}).error == "States.Timeout"


def test_a_path_that_leads_nowhere_is_a_runtime_error(bench):
    result = bench.run({**PASS, "InputPath": "$.nowhere"})
    assert (result.status, result.error) == ("FAILED", "States.Runtime")


def test_a_body_of_s3_is_text(bench):
    bucket = bench.outputs["Bucket"]
    bench.aws.client("s3").put_object(Bucket=bucket, Key="a.json", Body=b'{"a": 1}')
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": bucket, "Key": "a.json"},
        "ResultSelector": {"read.$": "States.StringToJson($.Body)", "when.$": "$.LastModified"},
    }
    output = bench.run(task).output
    assert output["read"] == {"a": 1}
    assert output["when"].endswith("Z")


def test_a_message_is_published_to_a_topic(bench):
    sns, sqs = bench.aws.client("sns"), bench.aws.client("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    queue = sqs.get_queue_attributes(QueueUrl=bench.outputs["Seen"], AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])
    parameters = {"TopicArn": topic, "Subject": "s", "Message": {"n": 1}}
    bench.run({"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters})
    (message,) = bench.messages("Seen")
    assert json.loads(json.loads(message["Body"])["Message"]) == {"n": 1}


def aws_cli(bench, *arguments):
    environment = {
        **bench.aws.environment,
        **bench.aws.access_key.environment,
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_the_aws_cli_works(bench, tmp_path):
    machines = json.loads(aws_cli(bench, "stepfunctions", "list-state-machines"))["stateMachines"]
    assert bench.outputs["Machine"] in [machine["stateMachineArn"] for machine in machines]
    execution = bench.start(bench.invoke("tell"))
    bench.finish(execution)
    history = json.loads(aws_cli(bench, "stepfunctions", "get-execution-history", "--execution-arn", execution))
    assert history["events"][-1]["type"] == "ExecutionSucceeded"
    (tmp_path / "a.txt").write_text("a")
    bucket = bench.outputs["Bucket"]
    aws_cli(bench, "s3", "cp", os.fspath(tmp_path / "a.txt"), f"s3://{bucket}/cli/a.txt")
    assert "a.txt" in aws_cli(bench, "s3", "ls", f"s3://{bucket}/cli/")


def test_an_execution_that_has_just_begun_is_stopped(bench):
    """Each has another definition, which is parsed before the first state is entered."""
    for number in range(5):
        begun = bench.start({"Type": "Wait", "Seconds": 3600, "Comment": str(number)})
        bench.states.stop_execution(executionArn=begun, error="Enough", cause="It is late.")
        ended = bench.finish(begun)
        assert (ended.status, ended.error, ended.cause) == ("ABORTED", "Enough", "It is late.")
