"""Permissions: named actions on named resources, and a reason if AWS offers no resource names."""

import re

import pytest

from tests.template.conftest import BOUNDARY, as_list

#: AWS's managed policies in use: the needs of the ECS agent change with the agent
AWS_POLICIES = {"AmazonEC2ContainerServiceforEC2Role"}


def test_no_statement_allows_every_action(translated):
    wide = [
        (name, action)
        for name, statement in translated.statements()
        for action in as_list(statement["Action"])
        if statement["Effect"] == "Allow" and (action == "*" or action.endswith(":*"))
    ]
    assert not wide


def test_a_resource_wildcard_has_its_reason_on_its_line(lines, translated):
    wild = [line for line in lines if re.search(r'Resource: "?\*', line)]
    assert wild, "X-Ray, ECR's token, DescribeJobs and ListJobs take no resources"
    assert not [line.strip() for line in wild if not re.search(r"# \w.{20,}", line)]
    translated_wild = [name for name, statement in translated.statements() if "*" in as_list(statement.get("Resource"))]
    assert len(translated_wild) == len(wild), "SAM adds none"


def test_who_looks_up_failed_segments_may(translated):
    listing = [name for name, statement in translated.statements() if "batch:ListJobs" in as_list(statement["Action"])]
    assert listing == ["FailedFunctionRole", "StateMachineRole"]


def test_no_statement_allows_by_exclusion(translated):
    assert not [name for name, statement in translated.statements() if {"NotAction", "NotResource"} & {*statement}]


def test_whoever_is_allowed_in_a_resource_policy_is_a_named_service_of_this_account(translated):
    for name, statement in translated.statements():
        if "Principal" in statement and statement["Effect"] == "Allow":
            assert "Service" in statement["Principal"], name
        if statement.get("Principal") == {"Service": "events.amazonaws.com"} and "Resource" in statement:
            assert "aws:SourceArn" in str(statement["Condition"]), name


def test_aws_own_policies_are_the_exception(translated):
    used = set(re.findall(r"policy/(?:service-role/)?(\w+)", str(translated.properties("AWS::IAM::Role"))))
    assert used == AWS_POLICIES


def test_each_function_and_each_job_has_a_role_of_its_own(translated):
    functions = translated.properties("AWS::Lambda::Function")
    roles = [facts["Role"]["Fn::GetAtt"][0] for facts in functions.values()]
    assert roles == [f"{name}Role" for name in functions]
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        step = name.removesuffix("JobDefinition").removesuffix("Cpu")
        assert facts["ContainerProperties"]["JobRoleArn"] == {"Fn::GetAtt": [f"{step}JobRole", "Arn"]}


def test_a_function_writes_to_its_own_log_group_only(translated):
    roles = translated.properties("AWS::IAM::Role")
    for name, facts in translated.properties("AWS::Lambda::Function").items():
        group = facts["LoggingConfig"]["LogGroup"]["Ref"]
        statements = [s for policy in roles[f"{name}Role"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        logs = [s for s in statements if any(action.startswith("logs:") for action in as_list(s["Action"]))]
        assert logs == [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": {"Fn::GetAtt": [group, "Arn"]},
            }
        ]


def test_buckets_are_written_below_named_prefixes_only(translated):
    for name, statement in translated.statements():
        actions = {
            action for action in as_list(statement["Action"]) if action.startswith(("s3:Put", "s3:Delete", "s3:Get"))
        }
        if actions and statement["Effect"] == "Allow":
            for resource in as_list(statement["Resource"]):
                assert re.fullmatch(
                    r"\$\{Bucket\.Arn\}/(start|names|audio|video|media|result)/\*", resource["Fn::Sub"]
                ), name
                assert "start/" not in resource["Fn::Sub"] or not {"s3:PutObject", "s3:DeleteObject"} & actions


@pytest.mark.parametrize("arn", ["", BOUNDARY])
def test_the_boundary_is_on_every_role_or_on_none(deploy, translated, arn):
    iam = deploy(PermissionsBoundaryArn=arn).aws.client("iam")
    roles = [iam.get_role(RoleName=f"av-workflow-{name}")["Role"] for name in translated.of_type("AWS::IAM::Role")]
    assert len(roles) >= 10
    boundaries = {role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "") for role in roles}
    assert boundaries == {arn}


def test_nothing_in_the_template_looks_like_a_secret(lines):
    assert not [line for line in lines if re.search(r"(?i)(secret|password|AKIA[0-9A-Z]{12})", line)]
