"""What a template declares exists afterwards; what the embedded AWS doesn't know is an error."""

import json
import re

import pytest

from local_aws.cloudformation.intrinsics import DeployError, Resolver, parameter_values
from local_aws.cloudformation.resources.by_name import KEPT_BY_NAME
from local_aws.cloudformation.sam import TemplateError, load
from local_aws.cloudformation.stack import creator
from tests.local.conftest import FIXTURES


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
    with pytest.raises(DeployError, match="AWS::DynamoDB::Table: the embedded AWS doesn't know this type"):
        bench.aws.deploy(path)


def test_what_is_kept_by_name_only_says_why():
    for resource_type, reason in KEPT_BY_NAME.items():
        assert creator(resource_type).__name__ == "by_name"
        assert len(reason) > 20


@pytest.mark.parametrize(("how", "reason"), [("Fail", "told to fail"), ("Crash", "RuntimeError: crashed")])
def test_a_custom_resource_that_fails_names_its_reason(bench, tmp_path, how, reason):
    token = bench.aws.functions.get("tests-Lookup")[0].arn
    custom = {"Type": "Custom::Any", "Properties": {"ServiceToken": token, how: "true"}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["Mine", "Name"]}}}
    with pytest.raises(DeployError, match=f"Mine: .*{reason}"):
        bench.aws.deploy(template(tmp_path, Mine=custom, Topic=topic))


@pytest.mark.parametrize(
    ("properties", "reason"), [({"Priority": 1}, "nowhere does not exist"), ({}, "priority is required")]
)
def test_a_service_that_refuses_a_resource_is_quoted(bench, tmp_path, properties, reason):
    queue = {"ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": "nowhere"}], **properties}
    with pytest.raises(DeployError, match=rf"Q \(AWS::Batch::JobQueue\) can't be created: .*{reason}"):
        bench.aws.deploy(template(tmp_path, Q={"Type": "AWS::Batch::JobQueue", "Properties": queue}))


def test_a_circle_is_an_error(bench, tmp_path):
    first = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "B"}}}
    second = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "A"}}}
    with pytest.raises(DeployError, match="circular dependency: A -> B -> A"):
        bench.aws.deploy(template(tmp_path, A=first, B=second))


def test_what_a_condition_leaves_out_can_not_be_referred_to(bench, tmp_path):
    path = template(
        tmp_path,
        Absent={"Type": "AWS::SNS::Topic", "Condition": "Never"},
        Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Absent"}}},
    )
    document = json.loads(path.read_text()) | {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}}
    path.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="Absent: something needs it, but its condition Never is false"):
        bench.aws.deploy(path)


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
        bench.aws.deploy(path, given)
    else:
        with pytest.raises(DeployError, match="rule Whole: give Subnets"):
            bench.aws.deploy(path, given)


def test_parameters_are_checked():
    declared = {
        "Parameters": {
            "Size": {"Type": "Number", "MinValue": 2, "MaxValue": 9},
            "Colour": {"Type": "String", "Default": "red", "AllowedValues": ["red", "green"]},
            "Name": {"Type": "String", "Default": "ab", "AllowedPattern": "[a-z]+"},
            "Parts": {"Type": "CommaDelimitedList", "Default": "a, b"},
        }
    }
    assert parameter_values(declared, {"Size": "3"}) == {
        "Size": "3",
        "Colour": "red",
        "Name": "ab",
        "Parts": ["a", "b"],
    }
    for wrong, message in [
        ({}, "parameter Size needs a value"),
        ({"Size": "10"}, "from 2 to 9"),
        ({"Size": "x"}, "not a number"),
        ({"Size": "3", "Colour": "blue"}, "one of red, green is"),
        ({"Size": "3", "Name": "A"}, "does not match"),
        ({"Size": "3", "Sise": "1"}, "no parameter Sise"),
    ]:
        with pytest.raises(DeployError, match=message):
            parameter_values(declared, wrong)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": ["${a}-${Thing.Arn}-${AWS::Region}-${!x}", {"a": {"Ref": "P"}}]}, "p-Thing.Arn-us-east-1-${x}"),
        ({"Fn::If": ["Yes", {"a": {"Ref": "AWS::NoValue"}, "b": 1}, 0]}, {"b": 1}),
        ({"Fn::If": [{"Condition": "No"}, 1, [{"Ref": "AWS::NoValue"}, 2]]}, [2]),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "x,y"]}]}, "y"),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Fn::FindInMap": ["M", {"Ref": "P"}, "k"]}, 5),
        ({"Fn::Base64": "ab"}, "YWI="),
        ({"Fn::GetAtt": "Thing.Outputs.X"}, "Thing.Outputs.X"),
    ],
)
def test_intrinsic_functions(value, expected):
    conditions = {
        "Yes": {"Fn::And": [{"Fn::Equals": [1, "1"]}, {"Fn::Not": [{"Condition": "No"}]}]},
        "No": {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Equals": ["a", "c"]}]},
    }
    declared = {"Conditions": conditions, "Mappings": {"M": {"p": {"k": 5}}}}
    resolver = Resolver(declared, {"P": "p"}, "s", lambda name, attribute: f"{name}.{attribute}")
    assert resolver.resolve(value) == expected


def test_an_unknown_intrinsic_function_is_an_error():
    resolver = Resolver({}, {}, "s", lambda name, attribute: None)
    with pytest.raises(DeployError, match="Fn::Cidr: unknown"):
        resolver.resolve({"a": [{"Fn::Cidr": ["10.0.0.0/8", 1]}]})


def test_a_kept_template_may_vanish_while_the_oldest_are_looked_for(tmp_path):
    """Another process has forgotten it: a link that leads nowhere is listed, and not there either."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "template-gone.json").symlink_to(tmp_path / "nowhere")
    assert "Bucket" in load(FIXTURES / "template.yaml", {}, cache)["Resources"]


def test_a_translated_template_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    for name in ("template.yaml", "machine.asl.yaml"):
        (tmp_path / name).write_text((FIXTURES / name).read_text())
    path, cache = tmp_path / "template.yaml", tmp_path / "cache"
    first = load(path, {}, cache)
    monkeypatch.setattr("local_aws.cloudformation.sam._translate", lambda *_: pytest.fail("translated again"))
    assert load(path, {}, cache) == first
    monkeypatch.undo()
    (tmp_path / "machine.asl.yaml").write_text((FIXTURES / "machine.asl.yaml").read_text().replace("Tell", "Say"))
    assert "Say" in json.dumps(load(path, {}, cache))


def test_an_invalid_template_says_what_is_wrong(tmp_path):
    path = template(tmp_path, F={"Type": "AWS::Serverless::Function", "Properties": {"Runtime": "python3.12"}})
    with pytest.raises(TemplateError, match=r"template.json: .*\[F\] is invalid"):
        load(path, {}, tmp_path / "cache")
