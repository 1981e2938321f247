"""Lambda: what a handler sees, and the name that Step Functions gives each way to fail."""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from local_aws.awslambda.function import Caps, Function
from local_aws.awslambda.invocation import function_environment
from local_aws.cloudformation.deploy import deploy
from local_aws.sandbox.activity import StepEnded, StepLog, StepStarted
from tests.waiting import until


def alive(pid):
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_handler_sees_its_configuration(bench):
    seen = bench.run(bench.invoke("tell", who="me")).output["Payload"]
    assert seen["event"] == {"do": "tell", "who": "me"}
    assert (seen["function"], seen["version"], seen["memory"]) == ("tests-Pictures", "1", "300")
    assert seen["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:tests-Pictures:1"
    assert 1000 < seen["remaining"] <= 300_000
    assert 511 * 2**20 < seen["free"] <= 512 * 2**20
    assert seen["variable"] == "red"
    assert Path(seen["tmp"]).name == "tmp"


@pytest.fixture(scope="module")
def timed_out(bench, tmp_path_factory):
    """What came of an invocation that met its time limit."""
    function = replace(bench.aws.functions.get("tests-Pictures")[0], name="tests-Hurried", timeout=5)
    bench.aws.functions.add(function)
    pids = tmp_path_factory.mktemp("timed-out") / "pids"
    task = bench.invoke("sleep", pid_file=os.fspath(pids))
    task["Parameters"]["FunctionName"] = "tests-Hurried"
    result = bench.run(task)
    told = [each for each in bench.activities if each.name == "tests-Hurried"]
    return SimpleNamespace(result=result, told=told, pids=pids.read_text().split())


def test_a_function_over_its_time_has_its_name_in_step_functions(timed_out):
    cause = json.loads(timed_out.result.cause)
    assert timed_out.result.error == cause["errorType"] == "Sandbox.Timedout"
    assert "Error: Task timed out after 5.00 seconds" in cause["errorMessage"]


def test_a_timed_out_sandbox_takes_its_children_along(timed_out):
    assert len(timed_out.pids) == 2
    until(lambda: not any(alive(pid) for pid in timed_out.pids))


def test_output_and_ends_are_told_as_they_happen(bench, timed_out):
    begun, line, end = timed_out.told
    assert (type(begun), type(line), type(end)) == (StepStarted, StepLog, StepEnded)
    assert line.line == "sleeping"
    assert end.error == "Sandbox.Timedout"
    assert end.seconds > 5
    log = bench.aws.logs / "lambda" / "tests-Hurried" / f"{begun.id}.log"
    assert log.read_text() == "sleeping\n"


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        ("use_memory", "Runtime.ExitError", "Error: Runtime exited with error: signal: killed"),
        ("exit_now", "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"),
        ("raise_error", "PictureNotFound", "no picture 7"),
        ("unserialisable", "Runtime.MarshalError", "Unable to marshal response"),
        ("fill_one_file", "OSError", "File too large"),
        ("fill_many_files", "OSError", "[Errno 28] No space left on device"),
    ],
)
def test_each_failure_has_its_name_in_step_functions(bench, do, error, message):
    catch = [{"ErrorEquals": [error], "ResultPath": "$.caught", "Next": "C"}]
    result = bench.run({**bench.invoke(do, id=7), "Catch": catch, "ResultPath": "$.result"})
    assert result.status == "SUCCEEDED", (result.error, result.cause)
    assert result.output["caught"]["Error"] == error
    cause = json.loads(result.output["caught"]["Cause"])
    assert cause["errorType"] == error
    assert message in cause["errorMessage"]


def test_an_exception_carries_its_stack(bench):
    cause = json.loads(bench.run(bench.invoke("raise_error", id=1)).cause)
    assert "raise PictureNotFound(f\"no picture {event['id']}\")" in cause["stackTrace"][-1]


def test_a_missing_function_is_not_found(bench):
    task = bench.invoke("tell")
    task["Parameters"]["FunctionName"] = "nobody"
    assert bench.run(task).error == "Lambda.ResourceNotFoundException"


def test_inline_code_runs_and_async_invocation_answers_at_once(bench):
    client = bench.aws.client("lambda")
    answer = client.invoke(FunctionName=bench.outputs["Inline"], Payload=b'{"a": 1}', LogType="Tail")
    assert json.load(answer["Payload"]) == {"inline": {"a": 1}}
    assert (
        client.invoke(FunctionName=bench.outputs["Inline"], InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
    )
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName=bench.outputs["Inline"], Payload=b"{")


def test_get_function_knows_the_image_of_a_version(bench):
    client = bench.aws.client("lambda")
    code = client.get_function(FunctionName=bench.outputs["Alias"])["Code"]
    assert code["ImageUri"].endswith("/pictures:pictures")
    assert code["ResolvedImageUri"] == bench.outputs["ImageUri"]
    assert "@sha256:" in code["ResolvedImageUri"]
    versions = client.list_versions_by_function(FunctionName="tests-Pictures")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="tests-Pictures", Qualifier="7")


def test_caps_hold_for_functions_from_images_only(bench):
    caps = Caps(timeout=0.5, memory_mb=100, scratch_mb=1024)
    capped = caps.apply(bench.aws.functions.get("tests-Pictures")[0])
    assert (capped.timeout, capped.memory_mb, capped.scratch_mb) == (0.5, 100, 512)
    inline, _ = bench.aws.functions.get("tests-Inline")
    assert caps.apply(inline) == inline


POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics, Tracer
logger, tracer, metrics = Logger(service="s"), Tracer(service="s"), Metrics(namespace="n", service="s")

@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    logger.info("hello", extra={"n": 1})
    metrics.add_metric(name="calls", unit="Count", value=1)
    return context.get_remaining_time_in_millis() > 0
"""


def test_powertools_works_in_a_sandbox(bench, tmp_path):
    (tmp_path / "observed.py").write_text(POWERTOOLS)
    function = Function("observed", "observed.handler", tmp_path, {}, timeout=300, memory_mb=512)
    bench.aws.functions.add(function)
    answer = bench.aws.functions.invoke("observed", b"{}")
    assert (answer.payload, answer.error) == (b"true", None)
    told = [each for each in bench.activities if isinstance(each, StepLog) and each.name == "observed"]
    lines = [json.loads(each.line) for each in told]
    assert any(line.get("function_request_id") == answer.request_id and line["message"] == "hello" for line in lines)
    assert any("_aws" in line and line["ColdStart"] == [1.0] for line in lines)


def test_inline_code_of_names_that_differ_in_case_only(bench, tmp_path):
    """Some file systems take both for the same folder."""
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "index.handler", "Timeout": 20}}
    resources = {}
    for name in ("Shout", "shout"):
        code = f"def handler(event, context): return {name!r}"
        properties = {**function["Properties"], "FunctionName": f"case-{name}", "Code": {"ZipFile": code}}
        resources["Upper" if name == "Shout" else "Lower"] = {**function, "Properties": properties}
    (tmp_path / "template.json").write_text(json.dumps({"Resources": resources}))
    deploy(bench.aws, tmp_path / "template.json", stack_name="case")
    folders = [bench.aws.functions.get(f"case-{name}")[0].code for name in ("Shout", "shout")]
    assert len({os.fspath(folder).casefold() for folder in folders}) == 2
    answers = [bench.aws.functions.invoke(f"case-{name}", b"{}").payload for name in ("Shout", "shout")]
    assert answers == [b'"Shout"', b'"shout"']


@pytest.mark.parametrize(
    ("memory_mb", "cores", "told"), [(128, 8, 1), (1769, 8, 1), (3008, 8, 2), (3008, 1, 1), (10240, 64, 6)]
)
def test_a_function_is_given_what_its_memory_buys(memory_mb, cores, told):
    function = Function("f", "app.handler", Path(), {}, memory_mb=memory_mb)
    assert function_environment(function, "1", cores)["PYTHON_CPU_COUNT"] == str(told)
