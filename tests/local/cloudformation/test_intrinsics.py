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


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"Fn::FindInMap": ["M", "q", "k"]}, "Unable to get mapping for M::q::k"),
        ({"Fn::FindInMap": ["M", {"Ref": "P"}, "l"]}, "Unable to get mapping for M::p::l"),
        ({"Fn::Select": [2, {"Fn::Split": [",", "x,y"]}]}, "Fn::Select cannot select nonexistent value at index 2"),
    ],
)
def test_what_is_not_there_fails_with_the_error_of_cloudformation(value, reason):
    resolver = Resolver({"Mappings": {"M": {"p": {"k": 5}}}}, {"P": "p"}, "s", lambda name, attribute: None)
    with pytest.raises(DeployError, match=f"Template error: {reason}"):
        resolver.resolve(value)


def test_a_mapping_without_a_key_fails_also_in_a_branch_that_is_not_taken():
    declared = {"Conditions": {"No": {"Fn::Equals": ["a", "b"]}}, "Mappings": {"M": {"p": {"k": 5}}}}
    resolver = Resolver(declared, {"P": "q"}, "s", lambda name, attribute: None)
    value = {"A": [{"Fn::If": ["No", {"Fn::FindInMap": ["M", {"Ref": "P"}, "k"]}, 1]}]}
    assert resolver.resolve(value) == {"A": [1]}
    with pytest.raises(DeployError, match="Unable to get mapping for M::q::k"):
        resolver.check_mappings(value)


def test_a_rule_asks_whether_a_list_contains_a_value():
    resolver = Resolver({}, {"P": "b"}, "s", lambda name, attribute: None)
    assert resolver.condition({"Fn::Contains": [["a", "b"], {"Ref": "P"}]})
    assert not resolver.condition({"Fn::Contains": [["a", "c"], {"Ref": "P"}]})
    assert resolver.condition({"Fn::Contains": [["us-east-1"], {"Ref": "AWS::Region"}]})


def test_an_unknown_intrinsic_function_is_an_error():
    resolver = Resolver({}, {}, "s", lambda name, attribute: None)
    with pytest.raises(DeployError, match="Fn::Cidr: unknown"):
        resolver.resolve({"a": [{"Fn::Cidr": ["10.0.0.0/8", 1]}]})
