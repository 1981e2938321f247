"""Nested stacks, and types that a Region lacks."""

import json

import pytest

from local_aws.cloudformation import stack
from local_aws.cloudformation.deploy import DeployError, deploy


def written(path, resources, **more):
    path.write_text(json.dumps({"Resources": resources, **more}))
    return path


def nested(tmp_path, **parameters):
    """A template whose stack has another one inside, which makes a topic."""
    written(
        tmp_path / "inner.json",
        {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}}},
        Parameters={"Name": {"Type": "String", "AllowedPattern": "[a-z]+"}},
        Outputs={"Arn": {"Value": {"Ref": "Topic"}}},
    )
    inner = {"TemplateURL": "inner.json", "Parameters": parameters}
    return written(
        tmp_path / "outer.json",
        {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": inner}},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}}},
    )


def test_a_nested_stack_gets_parameters_and_gives_outputs(bench, tmp_path):
    outputs = deploy(bench.aws, nested(tmp_path, Name="inside"), stack_name="outer")
    topics = [each["TopicArn"] for each in bench.aws.client("sns").list_topics()["Topics"]]
    assert outputs["Arn"].endswith(":inside")
    assert outputs["Arn"] in topics


def test_what_is_wrong_in_a_nested_stack_names_its_template(bench, tmp_path):
    with pytest.raises(DeployError, match=r"Inner \(inner\.json\): parameter Name: 'A' is not allowed"):
        deploy(bench.aws, nested(tmp_path, Name="A"), stack_name="outer")


def test_a_type_that_the_region_lacks_is_refused_even_where_nothing_makes_it(bench, tmp_path, monkeypatch):
    monkeypatch.setitem(stack.REGIONS_OF, "AWS::Budgets::Budget", frozenset({"eu-west-1"}))
    path = written(
        tmp_path / "outer.json",
        {"Budget": {"Type": "AWS::Budgets::Budget", "Condition": "Never", "Properties": {}}},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
    )
    with pytest.raises(DeployError, match=r"Unrecognized resource types: \[AWS::Budgets::Budget\]"):
        deploy(bench.aws, path, stack_name="outer")
