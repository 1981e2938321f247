"""What the policies of roles do at services other than S3, and when they begin to count."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.iam import roles

NAME = "tests-Pictures"


@pytest.fixture
def as_role(bench):
    """A function that makes a client with the key of a role, which it creates with the statements."""
    iam = bench.aws.client("iam")

    def make(name, *statements):
        document = {"Version": "2012-10-17", "Statement": []}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        for number, statement in enumerate(statements):
            text = json.dumps({**document, "Statement": [statement]})
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=text)
        key = bench.aws.keys.of_role(arn).environment
        session = boto3.session.Session(
            key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], key["AWS_SESSION_TOKEN"], "us-east-1"
        )
        return session.client("lambda", endpoint_url=bench.aws.url)

    return make


def allow(resource):
    return {"Effect": "Allow", "Action": "lambda:GetFunction", "Resource": resource}


def test_a_role_reads_the_functions_that_its_policies_name(bench, as_role):
    arn = bench.aws.functions.get(NAME)[0].arn
    client = as_role("reader", allow(f"{arn}:*"))
    assert "@sha256:" in client.get_function(FunctionName=f"{arn}:1")["Code"]["ResolvedImageUri"]
    with pytest.raises(ClientError) as denied:
        client.get_function(FunctionName=arn)
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    assert denied.value.response["Error"]["Message"] == (
        "User: arn:aws:sts::123456789012:assumed-role/reader/local is not authorized to perform: lambda:GetFunction on "
        f"resource: {arn} because no identity-based policy allows the lambda:GetFunction action"
    )


def test_a_new_role_has_no_policies_while_iam_is_late(bench, as_role, monkeypatch):
    arn = bench.aws.functions.get(NAME)[0].arn
    client = as_role("late", allow(arn))
    monkeypatch.setattr(roles, "late_seconds", 3600.0)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.get_function(FunctionName=arn)
    monkeypatch.setattr(roles, "late_seconds", 0.0)
    assert client.get_function(FunctionName=arn)["Configuration"]["FunctionName"] == NAME
