"""Permissions: named actions on named resources, and a reason if AWS offers no resource names."""

import re

import pytest

from lambdas.failed import results
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
            if name == "S3Endpoint":  # it allows nobody more than the roles do
                continue
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


#: what each role may do with objects of the bucket; a prefix is followed by `/*`
READ, READ_VERSION = "s3:GetObject", "s3:GetObjectVersion"
WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
OF_FFMPEG = {
    "start/*": {READ, READ_VERSION},
    "audio/*.wav": {*WRITE},
    "video/*.avi": {*WRITE},
    "video/*.joined.mkv": {*WRITE},
    "media/*/media.json": {*WRITE},
    "media/*/plan.json": {*WRITE},
    "media/*/ffmpeg.error.json": {*WRITE},
}
OF_AUDIO2SRT = {
    "audio/*.wav": {READ},
    "media/*/media.json": {READ},
    "media/*/audio2srt-*.json": {*WRITE},
    "media/*/audio2srt.error.json": {*WRITE},
}
OF_YOLOV3 = {
    "start/*": {READ, READ_VERSION},
    "video/*.avi": {READ},
    "video/*.joined.mkv": {READ},
    "media/*/media.json": {READ},
    "media/*/yolov3-*.json": {READ, *WRITE},
    "video/*.boxed-*.avi": {*WRITE},
    "video/*.boxed-*.mp4": {*WRITE},
    "video/*.detections-*.jsonl": {*WRITE},
    "video/*.pictures-*.zip": {*WRITE},
    "media/*/yolov3.error.json": {*WRITE},
}
OF_MERGE = {
    "start/*": {READ, READ_VERSION},
    "video/*.avi": {READ},
    "video/*.boxed-*.mp4": {READ},
    "video/*.detections-*.jsonl": {READ},
    "video/*.pictures-*.zip": {READ},
    "video/*.joined.mkv": {READ},
    "media/*/media.json": {READ},
    "media/*/audio2srt-*.json": {READ},
    "media/*/yolov3-*.json": {READ},
    "result/*": {*WRITE, "s3:DeleteObject"},
    "result/*.error.json": {READ},
    "media/*/merge.error.json": {*WRITE},
}
OBJECTS_OF = {
    "StartFunctionRole": {"names/*": {READ, "s3:PutObject"}, "result/*.json": {READ}},
    "FFmpegFunctionRole": OF_FFMPEG,
    "FFmpegJobRole": OF_FFMPEG,
    "Audio2srtFunctionRole": OF_AUDIO2SRT,
    "Audio2srtJobRole": OF_AUDIO2SRT,
    "Yolov3FunctionRole": OF_YOLOV3,  # with ShortVideos=lambda
    "Yolov3JobRole": OF_YOLOV3,
    "MergeFunctionRole": OF_MERGE,
    "MergeJobRole": OF_MERGE,
    "FailedFunctionRole": {
        "result/*.error.json": {"s3:PutObject", "s3:DeleteObject"},
        "result/*": {READ},
        **{f"result/*{suffix}": {"s3:DeleteObject"} for suffix in results.SUFFIXES if suffix != ".contact.jpg"},
        "start/*": {READ},
        "media/*.error.json": {READ},
    },
    "StateMachineRole": {"media/*/plan.json": {READ}, "media/*/media.json": {READ}},
}
WRITERS_OF_RESULTS = {"MergeFunctionRole", "MergeJobRole", "FailedFunctionRole"}


def objects_of(translated, role):
    """The actions of S3 that a role may do, by the pattern of keys."""
    facts = translated.resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in facts.get("Policies", [])]
    for listed in facts.get("ManagedPolicyArns", []):
        arn = listed["Fn::If"][1] if "Fn::If" in listed else listed  # what a condition may add counts
        if "Ref" in arn:
            documents.append(translated.resources[arn["Ref"]]["Properties"]["PolicyDocument"])
    found = {}
    for statement in (statement for document in documents for statement in document["Statement"]):
        actions = {action for action in as_list(statement["Action"]) if action.startswith("s3:")}
        for resource in as_list(statement["Resource"]) if actions else ():
            found.setdefault(resource["Fn::Sub"].removeprefix("${Bucket.Arn}/"), set()).update(actions)
    return found


def test_each_role_reads_and_writes_the_objects_of_its_step_only(translated):
    roles = translated.of_type("AWS::IAM::Role")
    found = {role: objects for role in roles if (objects := objects_of(translated, role))}
    assert found == OBJECTS_OF


def test_nobody_may_list_the_bucket(lines):
    assert not [line for line in lines if "s3:List" in line]


def bucket_statement(translated, sid):
    (policy,) = translated.properties("AWS::S3::BucketPolicy").values()
    (statement,) = [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Sid"] == sid]
    return statement


def test_all_roles_but_those_of_merge_and_the_reporter_are_denied_results(translated):
    statement = bucket_statement(translated, "ResultsOfMergeAndReporterOnly")
    assert statement["Effect"] == "Deny"
    denied = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    named = {arn["Fn::If"][1]["Fn::GetAtt"][0] if "Fn::If" in arn else arn["Fn::GetAtt"][0] for arn in denied}
    assert named == {*translated.of_type("AWS::IAM::Role")} - WRITERS_OF_RESULTS


def test_the_endpoint_of_s3_reaches_the_bucket_and_image_layers_only(translated):
    (endpoint,) = translated.properties("AWS::EC2::VPCEndpoint").values()
    allowed = {resource["Fn::Sub"] for s in endpoint["PolicyDocument"]["Statement"] for resource in [s["Resource"]]}
    layers = "arn:${AWS::Partition}:s3:::prod-${AWS::Region}-starport-layer-bucket/*"
    assert allowed == {"${Bucket.Arn}/*", layers}
    used = {action for objects in OBJECTS_OF.values() for actions in objects.values() for action in actions}
    own, images = endpoint["PolicyDocument"]["Statement"]
    assert {*own["Action"]} == used
    assert images["Action"] == READ


@pytest.mark.parametrize("arn", ["", BOUNDARY])
def test_the_boundary_is_on_every_role_or_on_none(deploy, translated, arn):
    iam = deploy(PermissionsBoundaryArn=arn).aws.client("iam")
    roles = [iam.get_role(RoleName=f"av-workflow-{name}")["Role"] for name in translated.of_type("AWS::IAM::Role")]
    assert len(roles) >= 10
    boundaries = {role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "") for role in roles}
    assert boundaries == {arn}


def test_nothing_in_the_template_looks_like_a_secret(lines):
    assert not [line for line in lines if re.search(r"(?i)(secret|password|AKIA[0-9A-Z]{12})", line)]
