"""What a run without a manifest has cost at most, from recorded causes of AWS Batch and from times."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avflow.workflow import cost
from avflow.workflow.compute import Ec2Compute, FargateCompute, LambdaCompute
from avflow_cli.console.history import Attempt
from avflow_cli.stack.spent import attempt_usd
from local_aws.cloudformation.sam import load
from tests.template.conftest import TEMPLATE

RECORDED = Path(__file__).parents[2] / "local" / "recorded"
BEGAN = datetime(2026, 11, 27, tzinfo=UTC)


def attempt(service="batch", seconds=1000.0, definition="", size=None, **more):
    asked = {"JobDefinition": f"arn:aws:batch:eu-west-1:123456789012:job-definition/films-{definition}:7"}
    asked |= {"ArrayProperties": {"Size": size}} if size else {}
    return Attempt(service, "submitJob.sync", json.dumps(asked), BEGAN, BEGAN + timedelta(seconds=seconds), **more)


def recorded(name):
    return (RECORDED / f"batch-cause-{name}.json").read_text(encoding="utf-8")


def on(instance, seconds):
    return cost.step_usd(Ec2Compute("ec2", instance, "on demand"), seconds)


def test_a_job_costs_what_its_attempts_ran_and_not_what_it_waited():
    found = attempt_usd(
        attempt(definition="yolov3", cause=recorded("exit-status")), {"GpuInstanceTypes": "g4dn.xlarge"}
    )
    assert found == pytest.approx(on("g4dn.xlarge", 31.0))
    assert attempt_usd(attempt(definition="yolov3", cause=recorded("never-placed")), {}) == 0


def test_of_several_types_the_dearest_counts():
    for parameters in ({}, {"GpuInstanceTypes": "g4dn.xlarge,g5.xlarge"}):
        found = attempt_usd(attempt(definition="yolov3", cause=recorded("lost-to-spot")), parameters)
        assert found >= max(on(each, 31.0) for each in ("g4dn.xlarge", "g5.xlarge"))


def test_each_child_of_an_array_counts_for_the_whole_time():
    parameters = {"CpuDetectorVcpus": "16"}
    found = attempt_usd(attempt(definition="yolov3-cpu", size=4, cause=recorded("array")), parameters)
    assert found == pytest.approx(4 * cost.step_usd(FargateCompute("fargate", 16, 32768, 200), 1000.0))


@pytest.mark.parametrize("cause", [None, "", "States.Timeout", "[]", '"text"'])
def test_a_job_of_which_nothing_is_told_counts_for_the_whole_time(cause):
    found = attempt_usd(attempt(definition="merge", cause=cause), {})
    assert found == pytest.approx(cost.step_usd(FargateCompute("fargate", 4, 8192, 200), 1000.0))


def test_a_function_is_the_largest_of_the_stack():
    assert attempt_usd(attempt("lambda", 900.0), {}) == pytest.approx(
        cost.step_usd(LambdaCompute("lambda", 3008, 10.0), 900.0)
    )
    assert attempt_usd(attempt("lambda", 900.0), {"ShortVideosMemory": "10240"}) == pytest.approx(
        cost.step_usd(LambdaCompute("lambda", 10240, 10.0), 900.0)
    )
    assert attempt_usd(attempt("sns", 900.0), {}) == 0


def test_no_machine_of_the_template_is_larger(tmp_path):
    resources = load(TEMPLATE, {}, tmp_path)["Resources"].values()
    for facts in (each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::Function"):
        assert isinstance(facts["MemorySize"], dict) or facts["MemorySize"] <= 3008
    for facts in (each["Properties"] for each in resources if each["Type"] == "AWS::Batch::JobDefinition"):
        if facts["PlatformCapabilities"] == ["FARGATE"] and not facts["JobDefinitionName"]["Fn::Sub"].endswith("-cpu"):
            sizes = {each["Type"]: each["Value"] for each in facts["ContainerProperties"]["ResourceRequirements"]}
            assert sizes == {"VCPU": "4", "MEMORY": "8192"}
