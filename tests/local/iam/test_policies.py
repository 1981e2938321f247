"""What a policy says of a request."""

import json

import pytest

from local_aws.iam.policies import Asked, Policy, PolicyError, Verdict, judge

ROLE = "arn:aws:iam::123456789012:role/av-workflow-MergeJobRole"
KEY = "arn:aws:s3:::bucket/result/a/film.avi"


def policy(*statements):
    return Policy.of(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def says(statement, action="s3:PutObject", resource=KEY, principal=ROLE, **context):
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", **statement}
    named = {key.replace("_", ":"): value for key, value in context.items()}
    return policy(statement).says(Asked(action, resource, principal, named))


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ({"Resource": "arn:aws:s3:::bucket/result/*"}, Verdict.ALLOW),
        ({"Resource": ["arn:aws:s3:::bucket/x/*", "arn:aws:s3:::bucket/*.avi"]}, Verdict.ALLOW),
        ({"Resource": "arn:aws:s3:::bucket/result/?/film.avi"}, Verdict.ALLOW),
        ({"Resource": "arn:aws:s3:::bucket/result/?ilm.avi"}, Verdict.NOTHING),
        ({"Resource": "arn:aws:s3:::bucket/Result/*"}, Verdict.NOTHING),
        ({"Resource": "arn:aws:s3:::bucket"}, Verdict.NOTHING),
        ({"Resource": "arn:aws:s3:::bucket/result/a.film.avi"}, Verdict.NOTHING),
        ({"NotResource": "arn:aws:s3:::bucket/result/*", "Resource": None}, Verdict.NOTHING),
        ({"Action": "S3:put*"}, Verdict.ALLOW),
        ({"Action": ["s3:GetObject", "s3:PutObjectTagging"]}, Verdict.NOTHING),
        ({"NotAction": "s3:Get*", "Action": None}, Verdict.ALLOW),
        ({"Effect": "Deny", "Action": "s3:*"}, Verdict.DENY),
        ({"Principal": "*"}, Verdict.ALLOW),
        ({"Principal": {"AWS": ROLE}}, Verdict.ALLOW),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, Verdict.ALLOW),
        ({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, Verdict.NOTHING),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, Verdict.NOTHING),
    ],
)
def test_a_statement_is_for_its_actions_resources_and_principals(statement, verdict):
    kept = {name: value for name, value in statement.items() if value is not None}
    base = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", **kept}
    without = {name for name in statement if statement[name] is None}
    found = policy({name: value for name, value in base.items() if name not in without})
    assert found.says(Asked("s3:PutObject", KEY, ROLE)) is verdict


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::1:role/x", ROLE]}}, True),
        ({"ArnLike": {"AWS:PrincipalARN": "arn:aws:iam::*:role/av-workflow-*"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:role/av-workflow-*"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/av-workflow-*"}}, False),
        ({"StringNotEquals": {"aws:PrincipalArn": [ROLE, "other"]}}, False),
        ({"StringLike": {"s3:prefix": "a*"}}, False),
        ({"StringLikeIfExists": {"s3:prefix": "a*"}}, True),
        ({"StringNotLike": {"s3:prefix": "a*"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/y"}}, False),
    ],
)
def test_a_statement_applies_if_all_its_conditions_hold(condition, holds):
    found = says({"Condition": condition}, aws_securetransport="true")
    assert (found is Verdict.ALLOW) == holds


def test_a_denial_outweighs_all_that_is_allowed():
    allowing = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    denying = policy({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/result/*"})
    assert judge([allowing, denying], Asked("s3:PutObject", KEY, ROLE)) is Verdict.DENY
    assert judge([allowing, denying], Asked("s3:GetObject", KEY, ROLE)) is Verdict.ALLOW
    assert judge([denying], Asked("s3:GetObject", KEY, ROLE)) is Verdict.NOTHING
    assert judge([], Asked("s3:GetObject", KEY, ROLE)) is Verdict.NOTHING


@pytest.mark.parametrize(
    "statement",
    [
        {"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}},
        {"Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": "a"}}},
        {"NotPrincipal": {"AWS": ROLE}},
        {"Resource": "arn:aws:s3:::bucket/${aws:username}/*"},
        {"Effect": "allow"},
    ],
)
def test_what_cannot_be_judged_is_an_error_and_never_ignored(statement):
    with pytest.raises(PolicyError, match=r"judged here|Effect"):
        says(statement)
