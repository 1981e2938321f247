"""Deployment: what a template declares exists afterwards; what the embedded AWS does not know is an error."""

import json
import re
from types import SimpleNamespace

import pytest

from local_aws.awslambda.function import Caps
from local_aws.awslambda.functions import Functions
from local_aws.cloudformation.deploy import DeployError, deploy
from local_aws.cloudformation.resources.by_name import KEPT_BY_NAME
from local_aws.cloudformation.stack import RESOURCE_TYPES


def test_outputs_resolve_every_intrinsic_function(bench):
    outputs = bench.outputs
    assert outputs["Joined"] == "b-red/${kept}/123456789012"
    assert outputs["Bucket"] == "tests-bucket-123456789012"
    assert outputs["Machine"] == "arn:aws:states:us-east-1:123456789012:stateMachine:tests-Machine"
    assert re.fullmatch(
        r"123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/pictures@sha256:[0-9a-f]{64}", outputs["ImageUri"]
    )
    assert "Only" not in outputs


def test_the_state_machine_is_the_templates(bench):
    machine = bench.states.describe_state_machine(stateMachineArn=bench.outputs["Machine"])
    assert machine["tracingConfiguration"] == {"enabled": True}
    definition = json.loads(machine["definition"])
    assert definition["States"]["Tell"]["Parameters"]["FunctionName"] == bench.outputs["Alias"]
    execution = bench.states.start_execution(stateMachineArn=bench.outputs["Machine"])["executionArn"]
    assert bench.finish(execution).output["event"] == {"do": "tell", "colour": "red"}


def test_the_bucket_has_its_settings(bench):
    s3, bucket = bench.aws.client("s3"), bench.outputs["Bucket"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["ID"], rule["Filter"], rule["Expiration"]) == ("old", {"Prefix": "tmp/"}, {"Days": 1})


def template(tmp_path, **resources):
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}))
    return path


def test_an_unknown_type_is_an_error(bench, tmp_path):
    path = template(tmp_path, Table={"Type": "AWS::DynamoDB::Table", "Properties": {}})
    with pytest.raises(DeployError, match="AWS::DynamoDB::Table: the embedded AWS does not know this type"):
        deploy(bench.aws, path)


def test_what_is_kept_by_name_only_says_why():
    for resource_type, reason in KEPT_BY_NAME.items():
        assert reason in RESOURCE_TYPES[resource_type].fidelity
        assert len(reason) > 20


@pytest.mark.parametrize(("how", "reason"), [("Fail", "told to fail"), ("Crash", "RuntimeError: crashed")])
def test_a_custom_resource_that_fails_names_its_reason(bench, tmp_path, how, reason):
    token = bench.aws.functions.get("tests-Lookup")[0].arn
    custom = {"Type": "Custom::Any", "Properties": {"ServiceToken": token, how: "true"}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["Mine", "Name"]}}}
    with pytest.raises(DeployError, match=f"Mine: .*{reason}"):
        deploy(bench.aws, template(tmp_path, Mine=custom, Topic=topic))


@pytest.mark.parametrize(
    ("properties", "reason"), [({"Priority": 1}, "nowhere does not exist"), ({}, "priority is required")]
)
def test_a_service_that_refuses_a_resource_is_quoted(bench, tmp_path, properties, reason):
    queue = {"ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": "nowhere"}], **properties}
    with pytest.raises(DeployError, match=rf"Q \(AWS::Batch::JobQueue\) can't be created: .*{reason}"):
        deploy(bench.aws, template(tmp_path, Q={"Type": "AWS::Batch::JobQueue", "Properties": queue}))


@pytest.mark.parametrize(
    ("policy", "stays"), [(None, False), ("Delete", False), ("RetainExceptOnCreate", False), ("Retain", True)]
)
def test_a_bucket_of_a_failed_creation_stays_only_with_retain(bench, tmp_path, policy, stays):
    name = f"failed-{policy}".lower()
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    bucket |= {"DeletionPolicy": policy} if policy else {}
    queue = {"Type": "AWS::Batch::JobQueue", "DependsOn": "Bucket", "Properties": {}}
    with pytest.raises(DeployError, match="priority is required"):
        deploy(bench.aws, template(tmp_path, Bucket=bucket, Q=queue))
    assert (name in {each["Name"] for each in bench.aws.client("s3").list_buckets()["Buckets"]}) is stays


def test_a_bucket_that_was_there_before_stays_when_a_creation_fails(bench, tmp_path):
    bench.aws.client("s3").create_bucket(Bucket="before")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "before"}}
    queue = {"Type": "AWS::Batch::JobQueue", "DependsOn": "Bucket", "Properties": {}}
    with pytest.raises(DeployError):
        deploy(bench.aws, template(tmp_path, Bucket=bucket, Q=queue))
    bench.aws.client("s3").head_bucket(Bucket="before")


@pytest.mark.parametrize(
    ("concurrency", "memory", "refused"),
    [(10, 3008, ""), (10, 3009, "3008"), (1000, 10240, ""), (1000, 10241, "10240")],
)
def test_functions_have_as_much_memory_as_the_account_allows(
    bench, tmp_path, monkeypatch, concurrency, memory, refused
):
    account = Functions(SimpleNamespace(cores=1), Caps(), concurrency, 1)
    monkeypatch.setattr(bench.aws.functions, "memory_quota", account.memory_quota)
    properties = {"Handler": "index.handler", "Runtime": "python3.12", "InlineCode": "x", "MemorySize": memory}
    path = template(tmp_path, Large={"Type": "AWS::Serverless::Function", "Properties": properties})
    if refused:
        why = rf"Large: 'MemorySize' value failed to satisfy constraint: Member must have .* equal to {refused}"
        with pytest.raises(DeployError, match=why):
            deploy(bench.aws, path, stack_name=f"memory-{memory}")
    else:
        deploy(bench.aws, path, stack_name=f"memory-{memory}")


def test_a_circle_is_an_error(bench, tmp_path):
    first = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "B"}}}
    second = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "A"}}}
    with pytest.raises(DeployError, match="circular dependency: A -> B -> A"):
        deploy(bench.aws, template(tmp_path, A=first, B=second))


def test_what_a_condition_leaves_out_can_not_be_referred_to(bench, tmp_path):
    path = template(
        tmp_path,
        Absent={"Type": "AWS::SNS::Topic", "Condition": "Never"},
        Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Absent"}}},
    )
    document = json.loads(path.read_text()) | {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}}
    path.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="Absent: another resource needs it, but its condition Never is false"):
        deploy(bench.aws, path)


@pytest.mark.parametrize(("vpc", "subnets", "allowed"), [("", "", True), ("v", "s", True), ("v", "", False)])
def test_rules_hold_parameters_together(bench, tmp_path, vpc, subnets, allowed):
    path = template(tmp_path, Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"rules-{vpc}{subnets}"}})
    rule = {
        "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Vpc"}, ""]}]},
        "Assertions": [
            {"Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Subnets"}, ""]}]}, "AssertDescription": "give Subnets"}
        ],
    }
    parameters = {name: {"Type": "String", "Default": ""} for name in ("Vpc", "Subnets")}
    document = json.loads(path.read_text()) | {"Rules": {"Whole": rule}, "Parameters": parameters}
    path.write_text(json.dumps(document))
    given = {"Vpc": vpc, "Subnets": subnets}
    if allowed:
        deploy(bench.aws, path, given)
    else:
        with pytest.raises(DeployError, match="rule Whole: give Subnets"):
            deploy(bench.aws, path, given)
