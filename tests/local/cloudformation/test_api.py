"""What CloudFormation says of a stack."""

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def stacks(bench):
    return bench.aws.client("cloudformation")


def test_a_stack_tells_its_outputs_and_parameters(bench, stacks):
    described = stacks.describe_stacks()["Stacks"]  # other modules deploy into the same account
    (stack,) = [each for each in described if each["StackName"] == "tests"]
    assert (stack["StackName"], stack["StackStatus"]) == ("tests", "CREATE_COMPLETE")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs == bench.outputs
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert parameters == {"Colour": "red", "Parts": "a,b", "Extra": ""}
    for name in ("tests", stack["StackId"]):
        assert stacks.describe_stacks(StackName=name)["Stacks"][0]["StackId"] == stack["StackId"]
    listed = [each["StackName"] for each in stacks.list_stacks()["StackSummaries"]]
    assert listed == [each["StackName"] for each in described]


def test_a_stack_tells_its_resources(bench, stacks):
    described = stacks.describe_stack_resources(StackName="tests")["StackResources"]
    listed = stacks.list_stack_resources(StackName="tests")["StackResourceSummaries"]
    ids = {each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"]) for each in described}
    assert ids["Bucket"] == ("AWS::S3::Bucket", bench.outputs["Bucket"])
    assert ids["Machine"] == ("AWS::StepFunctions::StateMachine", bench.outputs["Machine"])
    assert {each["LogicalResourceId"] for each in listed} == {*ids}
    assert "OnlyWithExtra" not in ids
    one = stacks.describe_stack_resource(StackName="tests", LogicalResourceId="Queue")["StackResourceDetail"]
    assert one["PhysicalResourceId"] == bench.outputs["Queue"]
    found = stacks.describe_stack_resources(PhysicalResourceId=bench.outputs["Bucket"])["StackResources"]
    assert len(found) == len(described)
    assert len(stacks.describe_stack_events(StackName="tests")["StackEvents"]) == len(described)
    assert "Bucket" in stacks.get_template(StackName="tests")["TemplateBody"]["Resources"]


def test_what_is_not_there_has_its_error(stacks):
    with pytest.raises(ClientError, match=r"ValidationError.*Stack with id none does not exist"):
        stacks.describe_stacks(StackName="none")
    with pytest.raises(ClientError, match=r"ValidationError.*Resource None does not exist"):
        stacks.describe_stack_resource(StackName="tests", LogicalResourceId="None")
    with pytest.raises(ClientError, match=r"InvalidAction.*DeleteStack"):
        stacks.delete_stack(StackName="tests")


def test_a_stack_is_in_one_region(bench):
    key = bench.aws.access_key
    session = boto3.Session(key.id, key.secret, region_name="eu-west-1")
    elsewhere = session.client("cloudformation", endpoint_url=bench.aws.url)
    with pytest.raises(ClientError, match=r"ValidationError.*Stack with id tests does not exist"):
        elsewhere.describe_stacks(StackName="tests")
    assert elsewhere.list_stacks()["StackSummaries"] == []
