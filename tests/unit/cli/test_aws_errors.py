"""What AWS refuses becomes one sentence with what to do.

The answers have the shapes that AWS documents (API Reference of each service, "Common Errors").
"""

import os
from types import SimpleNamespace

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    SSOTokenLoadError,
)

from avflow.errors import AvflowError
from avflow_cli.access import Access
from avflow_cli.samconfig import Named
from avflow_cli.stack.aws_errors import AwsUnreachable, in_words
from avflow_cli.stack.stack import Stack, StackUnusable

ACCESS = Access(Named("films", "eu-west-1", None))
PERFORM = (
    "User: arn:aws:iam::111122223333:user/me is not authorized to perform: states:ListExecutions on resource: arn:aws:x"
)


def answer(code, message="", operation="ListExecutions", server=""):
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPHeaders": {"server": server}}}
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "name", "said", "todo", "status"),
    [
        (answer("ExpiredToken"), "CredentialsUnusable", "have expired", "aws sso login", os.EX_NOPERM),
        (answer("ExpiredTokenException"), "CredentialsUnusable", "have expired", "aws sso login", os.EX_NOPERM),
        (answer("InvalidClientTokenId"), "CredentialsUnusable", "in eu-west-1", "not enabled in the", os.EX_NOPERM),
        (answer("InvalidAccessKeyId"), "CredentialsUnusable", "in eu-west-1", "--profile", os.EX_NOPERM),
        (
            answer("AccessDeniedException", PERFORM),
            "AccessRefused",
            "may not do states:ListExecutions.",
            "permission",
            os.EX_NOPERM,
        ),
        (
            answer("AccessDenied", "Access Denied", "PutObject", "AmazonS3"),
            "AccessRefused",
            "may not do s3:PutObject.",
            "permission",
            os.EX_NOPERM,
        ),
        (
            answer("403", "Forbidden", "HeadObject", "AmazonS3"),
            "AccessRefused",
            "s3:HeadObject",
            "--prof",
            os.EX_NOPERM,
        ),
        (answer("PermanentRedirect"), "RegionUnknown", "not in eu-west-1", "--region", os.EX_USAGE),
        (answer("ThrottlingException"), "AwsUnreachable", "AWS is busy", "again", os.EX_TEMPFAIL),
        (answer("Odd", "Why"), "AwsRefused", "ListExecutions: Odd: Why", "avflow doctor", os.EX_SOFTWARE),
        (NoCredentialsError(), "CredentialsUnusable", "no credentials", "aws configure", os.EX_NOPERM),
        (NoRegionError(), "RegionUnknown", "No Region", "--region us-east-1", os.EX_USAGE),
        (
            EndpointConnectionError(endpoint_url="https://states.mars-1.amazonaws.com"),
            "AwsUnreachable",
            "states.mars-1",
            "--region",
            os.EX_TEMPFAIL,
        ),
        (SSOTokenLoadError(error_msg="Token has expired"), "CredentialsUnusable", "expired", "sso", os.EX_NOPERM),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(error, name, said, todo, status):
    with pytest.raises(AvflowError) as raised, in_words(ACCESS):
        raise error
    assert raised.value.name == name
    assert said in raised.value.message and todo in raised.value.advice
    assert raised.value.exit_code == status
    assert "\n" not in raised.value.message + raised.value.advice


def described(stack):
    return SimpleNamespace(
        deployment=Named("films", None, None),
        session=SimpleNamespace(region_name="eu-west-1"),
        client=lambda service: SimpleNamespace(describe_stacks=stack),
    )


def test_a_stack_that_is_not_there_or_is_another_kind():
    def missing(StackName):
        raise answer("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")

    with pytest.raises(StackUnusable, match="films: Stack with id films does not exist in eu-west-1"):
        Stack.of(described(missing))

    def other(StackName):
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE"}]}

    with pytest.raises(StackUnusable, match="has no outputs BucketName and StateMachineArn"):
        Stack.of(described(other))


def test_an_address_of_the_environment_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:4566")
    with pytest.raises(AwsUnreachable, match=r"Invalid endpoint: 127\.0\.0\.1:4566\."), in_words(ACCESS):
        ACCESS.client("s3")
    with pytest.raises(ValueError, match="another"), in_words(ACCESS):
        raise ValueError("another")
