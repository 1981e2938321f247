"""The project's own template, deployed on this machine."""

from pathlib import Path

import pytest

from local_aws.cloudformation.deploy import deploy

TEMPLATE = Path(__file__).parents[3] / "template.yaml"


@pytest.fixture(scope="module")
def outputs(bench):
    return deploy(bench.aws, TEMPLATE, {"FailureEmail": "a@example.com"}, "av-workflow")


def test_the_network_is_there(bench, outputs):
    ec2 = bench.aws.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["av-workflow"]}])["Vpcs"]
    mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    assert len(ec2.describe_subnets(Filters=mine)["Subnets"]) == 3
    (group,) = ec2.describe_security_groups(
        Filters=[*mine, {"Name": "group-name", "Values": ["av-workflow-JobSecurityGroup"]}]
    )["SecurityGroups"]
    assert group["IpPermissions"] == []
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissionsEgress"]] == [(443, 443)]
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"]
    assert endpoint["ServiceName"] == "com.amazonaws.us-east-1.s3"


def test_functions_and_jobs_share_images_by_digest(bench, outputs):
    functions = {function.name: function for function in bench.aws.functions.all()}
    definitions = {each["jobDefinitionName"]: each for each in bench.aws.batch.definitions()}
    image = definitions["av-workflow-ffmpeg"]["containerProperties"]["image"]
    assert image == functions["av-workflow-FFmpegFunction"].resolved_image_uri
    assert functions["av-workflow-FFmpegFunction"].scratch_mb == 10240
    assert definitions["av-workflow-ffmpeg"]["timeout"] == {"attemptDurationSeconds": 21600}


def test_the_start_function_may_be_invoked_by_its_rule(bench, outputs):
    events = bench.aws.client("events")
    rules = [rule for rule in events.list_rules()["Rules"] if rule["Name"].startswith("av-workflow-")]
    (rule,) = [rule for rule in rules if "Object Created" in rule["EventPattern"]]
    function = bench.aws.functions.get("av-workflow-StartFunction")[0]
    assert function.allows("events.amazonaws.com", rule["Arn"])
    assert not function.allows("events.amazonaws.com", rule["Arn"] + "-other")
    assert function.environment["STATE_MACHINE_ARN"] == outputs["StateMachineArn"]
    assert function.on_failure.endswith(":av-workflow-DeadLetters")


def test_logs_are_kept_for_as_long_as_the_parameter_says(bench, outputs):
    groups = bench.aws.client("logs").describe_log_groups(logGroupNamePrefix="/aws/batch/av-workflow")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30]


def test_the_failure_topic_has_its_subscriber(bench, outputs):
    sns = bench.aws.client("sns")
    subscriptions = [each["Endpoint"] for each in sns.list_subscriptions()["Subscriptions"]]
    assert "a@example.com" in subscriptions


def test_roles_have_their_policies(bench, outputs):
    iam = bench.aws.client("iam")
    attached = iam.list_attached_role_policies(RoleName="av-workflow-FFmpegJobRole")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["av-workflow-FFmpegAccess"]
    (name,) = iam.list_role_policies(RoleName="av-workflow-StateMachineRole")["PolicyNames"]
    document = iam.get_role_policy(RoleName="av-workflow-StateMachineRole", PolicyName=name)["PolicyDocument"]
    functions = document["Statement"][0]["Resource"]
    assert bench.aws.functions.get("av-workflow-FFmpegFunction")[0].arn in functions
