"""What Step Functions answers besides running executions, and the executions of earlier sessions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.stepfunctions.transitions import problems

ROOT = Path(__file__).parents[3]
PASS = {"Type": "Pass", "Result": {"x": 1}, "End": True}


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def machine(bench):
    definition = json.dumps({"StartAt": "A", "States": {"A": PASS}})
    made = bench.states.create_state_machine(name="passes", definition=definition, roleArn=bench.outputs["RoleArn"])
    return made["stateMachineArn"]


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":', "{'a': 1}", "NaN", '{"a": Infinity}', "nothing", "[1,]", "[" * 50_000, "\x00", "{}{}"]
)
def test_input_that_is_not_json_is_refused(bench, machine, text):
    assert code_of(bench.states.start_execution, stateMachineArn=machine, input=text) == "InvalidExecutionInput"


@pytest.mark.parametrize("text", ["{}", "1", '"text"', "null", "[]", ' {"a": "\\ud83d\\ude00"} '])
def test_any_json_is_taken(bench, machine, text):
    assert bench.states.start_execution(stateMachineArn=machine, input=text)["executionArn"]


TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
#: states beginning with A -> the codes and locations of the diagnostics
LEADS_NOWHERE = [
    ({"A": {"Type": "Pass"}}, [("SCHEMA_VALIDATION_FAILED", "/States/A")]),
    ({"B": PASS}, [("MISSING_TRANSITION_TARGET", "/StartAt")]),
    ({"A": {"Type": "Pass", "Next": "Z"}}, [("MISSING_TRANSITION_TARGET", "/States/A/Next")]),
    ({"A": {"Type": "Wait", "Seconds": 1, "Next": "a"}, "B": PASS}, [("MISSING_TRANSITION_TARGET", "/States/A/Next")]),
    (
        {"A": TASK | {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}},
        [("MISSING_TRANSITION_TARGET", "/States/A/Catch[0]/Next")],
    ),
    (
        {"A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Z"}], "Default": "Y"}},
        [("MISSING_TRANSITION_TARGET", f"/States/A/{end}") for end in ("Default", "Choices[0]/Next")],
    ),
    (
        {"A": {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "Z", "States": {"B": PASS}}]}},
        [("MISSING_TRANSITION_TARGET", "/States/A/Branches[0]/StartAt")],
    ),
    (
        {"A": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass"}}}}},
        [("SCHEMA_VALIDATION_FAILED", "/States/A/ItemProcessor/States/B")],
    ),
]


@pytest.mark.parametrize(("states", "found"), LEADS_NOWHERE)
def test_a_transition_that_leads_nowhere_is_found(bench, states, found):
    definition = json.dumps({"StartAt": "A", "States": states})
    answer = bench.states.validate_state_machine_definition(definition=definition)
    assert answer["result"] == "FAIL"
    assert [(each["code"], each["location"]) for each in answer["diagnostics"]] == found


def test_the_workflows_own_definition_is_valid():
    assert not list(problems(yaml.safe_load((ROOT / "statemachine" / "av_workflow.asl.yaml").read_text())))


def test_a_definition_is_validated(bench, capfd):
    good = json.dumps({"StartAt": "A", "States": {"A": PASS}})
    assert bench.states.validate_state_machine_definition(definition=good)["result"] == "OK"
    for bad in ("{", "{bad", json.dumps({"StartAt": "A", "States": {"A": {"Type": "None"}}})):
        answer = bench.states.validate_state_machine_definition(definition=bad)
        assert (answer["result"], answer["diagnostics"][0]["severity"]) == ("FAIL", "ERROR")
        assert answer["diagnostics"][0]["message"]
    names = {each["name"] for each in bench.states.list_state_machines()["stateMachines"]}
    assert not [name for name in names if name.startswith("validate")]
    assert capfd.readouterr() == ("", ""), "a request writes nothing to the server's terminal"


@pytest.fixture(scope="module")
def unprefixed(bench):
    """A client that does not put `sync-` in front of the host, which no address on this machine can have."""
    key = bench.aws.access_key
    return boto3.client(
        "stepfunctions", endpoint_url=bench.aws.url, region_name="us-east-1", aws_access_key_id=key.id,
        aws_secret_access_key=key.secret, config=Config(inject_host_prefix=False),
    )  # fmt: skip


def test_a_state_is_tested(bench, unprefixed):
    def tried(state, data=None):
        answer = unprefixed.test_state(definition=json.dumps(state), input=json.dumps(data or {}), roleArn=role)
        return {name: answer[name] for name in ("status", "output", "nextState", "error") if name in answer}

    role = bench.outputs["RoleArn"]
    assert tried({"Type": "Pass", "Result": {"x": 1}, "Next": "B"}) == {
        "status": "SUCCEEDED",
        "output": '{"x": 1}',
        "nextState": "B",
    }
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "More"}
    assert tried(choice, {"n": 1})["nextState"] == "One"
    assert tried(choice, {"n": 2})["nextState"] == "More"
    assert tried({"Type": "Fail", "Error": "E", "Cause": "c"}) == {"status": "FAILED", "error": "E"}
    task = {
        **bench.invoke("raise_error", id=7),
        "Catch": [{"ErrorEquals": ["PictureNotFound"], "Next": "C"}],
        "End": True,
    }
    caught = tried(task)
    assert (caught["status"], caught["error"], caught["nextState"]) == ("CAUGHT_ERROR", "PictureNotFound", "C")
    assert code_of(unprefixed.test_state, definition="{", roleArn=role) == "InvalidDefinition"


def test_an_express_machine_runs_while_the_caller_waits(bench, machine, unprefixed):
    made = bench.states.create_state_machine(
        name="express", definition=json.dumps({"StartAt": "A", "States": {"A": PASS}}),
        roleArn=bench.outputs["RoleArn"], type="EXPRESS",
    )  # fmt: skip
    answer = unprefixed.start_sync_execution(stateMachineArn=made["stateMachineArn"])
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"x": 1}')
    assert code_of(unprefixed.start_sync_execution, stateMachineArn=machine) == "StateMachineTypeNotSupported"


SESSION = """
import json, os, sys, time
from pathlib import Path
from local_aws.server import LocalAws
aws = LocalAws(Path("."), Path(sys.argv[1]), keep=True).__enter__()
states = aws.client("stepfunctions")
role = "arn:aws:iam::123456789012:role/r"
steps = {"A": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "SecondsPath": "$.wait", "End": True}}
machine = states.create_state_machine(name="m", roleArn=role, definition=json.dumps({"StartAt": "A", "States": steps}))
machine = machine["stateMachineArn"]
def start(name, wait):
    return states.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"wait": wait}))["executionArn"]
def ended(arn):
    while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.05)
    return states.describe_execution(executionArn=arn)
exec(sys.argv[2])
"""
FIRST = """
done = ended(start("done", 0)); running = start("running", 3600)
states.stop_execution(executionArn=running); states.redrive_execution(executionArn=running)
events = states.get_execution_history(executionArn=done["executionArn"])["events"]
aws.client("s3").create_bucket(Bucket="kept"); aws.client("s3").put_object(Bucket="kept", Key="k", Body=b"content")
time.sleep(2)
print(json.dumps([[event["id"], event["type"]] for event in events]), done["output"], flush=True)
if sys.argv[3] == "kill":
    os.kill(os.getpid(), 9)
aws.close()
"""
SECOND = """
arn = machine.replace(":stateMachine:", ":execution:")
events = states.get_execution_history(executionArn=arn + ":done")["events"]
print(json.dumps([[event["id"], event["type"]] for event in events]),
      states.describe_execution(executionArn=arn + ":done")["output"], flush=True)
ended(start("later", 0))
listed = [(each["name"], each["status"]) for page in states.get_paginator("list_executions").paginate(
    stateMachineArn=machine, PaginationConfig={"PageSize": 1}) for each in page["executions"]]
assert listed == [("later", "SUCCEEDED"), ("running", "ABORTED"), ("done", "SUCCEEDED")], listed
aborted = states.describe_execution(executionArn=arn + ":running")
assert (aborted["error"], "stopDate" in aborted, aborted["redriveCount"]) == ("EmbeddedAwsStopped", True, 1)
kept = states.get_execution_history(executionArn=arn + ":running")["events"]
assert [event["type"] for event in kept].count("ExecutionRedriven") == 1, kept
try:
    states.redrive_execution(executionArn=arn + ":running")
    raise SystemExit("it was redriven")
except states.exceptions.ExecutionNotRedrivable as error:
    assert "started again" in str(error)
last = states.get_execution_history(executionArn=arn + ":running", reverseOrder=True, maxResults=1)["events"][0]
assert last["type"] == "ExecutionAborted", last
assert states.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"][0]["name"] == "running"
try:
    start("done", 0)
    raise SystemExit("it was started again")
except states.exceptions.ExecutionAlreadyExists:
    pass
assert aws.client("s3").get_object(Bucket="kept", Key="k")["Body"].read() == b"content"
try:
    LocalAws(Path("."), Path(sys.argv[1]))
    raise SystemExit("two at once")
except RuntimeError as error:
    assert "in use" in str(error)
aws.close()
"""


def session(folder, what, how="close"):
    command = [sys.executable, "-c", SESSION, os.fspath(folder), what, how]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "kill"])
def test_executions_and_objects_are_there_after_a_restart(tmp_path, how):
    first = session(tmp_path / "data", FIRST, how)
    assert first.returncode == (-9 if how == "kill" else 0), first.stderr
    second = session(tmp_path / "data", SECOND)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == first.stdout
