"""Parameters, conditions and intrinsic functions of a template."""

import pytest

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.intrinsics import Resolver
from local_aws.cloudformation.parameters import parameter_values


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
        ({"Size": "3", "Colour": "blue"}, "allowed are red, green"),
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
