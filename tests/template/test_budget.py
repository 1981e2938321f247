"""The monthly budget, and the tag by which it knows what the stack costs."""

import pytest
from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_aws.cloudformation.deploy import DeployError
from local_aws.cloudformation.resources import budgets
from local_aws.cloudformation.sam import load
from local_aws.names import ACCOUNT
from tests.template.conftest import ROOT

TAG = "avflow-stack"
STACK = {"Ref": "AWS::StackName"}
#: types that cost money by themselves and have tags; a Region's own resources for them are tagged by these
PAID = {
    "AWS::S3::Bucket",
    "AWS::Lambda::Function",
    "AWS::StepFunctions::StateMachine",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::CloudWatch::Alarm",
    "AWS::Batch::JobDefinition",
}


def tags_of(properties):
    """The tags of a resource, whichever form its type has."""
    tags = properties.get("Tags", {})
    return tags if isinstance(tags, dict) else {each["Key"]: each["Value"] for each in tags}


def test_all_that_costs_money_has_the_tag_of_the_stack(translated):
    for name, facts in translated.of_type(*PAID).items():
        assert tags_of(facts["Properties"]).get(TAG) == STACK, name
    assert {facts["Type"] for facts in translated.resources.values()} >= PAID


def test_what_batch_starts_gets_the_tag(translated):
    """Tags of a compute environment or a job definition alone go nowhere (docs/aws-behaviour.md)."""
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        assert facts["PropagateTags"] is True, name
    environments = translated.properties("AWS::Batch::ComputeEnvironment")
    for name, facts in environments.items():
        on_ec2 = facts["ComputeResources"]["Type"] in ("SPOT", "EC2")
        assert facts["ComputeResources"].get("Tags") == ({TAG: STACK} if on_ec2 else None), f"{name}: not for Fargate"
        assert "Tags" not in facts, f"{name}: CloudFormation would replace it, and its queues with it"
    (template,) = translated.properties("AWS::EC2::LaunchTemplate").values()
    (disks,) = template["LaunchTemplateData"]["TagSpecifications"]
    assert (disks["ResourceType"], tags_of(disks)) == ("volume", {TAG: STACK})


def test_a_deployed_stack_has_the_tag(deploy):
    stack = deploy()
    tags = stack.aws.client("s3").get_bucket_tagging(Bucket=stack.outputs["BucketName"])["TagSet"]
    assert {"Key": TAG, "Value": "av-workflow"} in tags
    for job in stack.aws.batch.definitions():
        assert (job["tags"][TAG], job["propagateTags"]) == ("av-workflow", True), job["jobDefinitionName"]


def test_a_budget_tells_the_topic_in_time(deploy):
    stack = deploy(MonthlyBudget="49.50")
    (found,) = stack.aws.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert found["BudgetName"] == "av-workflow-us-east-1"
    assert (found["BudgetType"], found["TimeUnit"]) == ("COST", "MONTHLY")
    assert found["BudgetLimit"] == {"Amount": "49.50", "Unit": "USD"}
    assert found["CostFilters"] == {"TagKeyValue": ["user:avflow-stack$av-workflow"]}
    told = stack.aws.client("budgets").describe_notifications_for_budget(
        AccountId=ACCOUNT, BudgetName=found["BudgetName"]
    )["Notifications"]
    assert [(each["NotificationType"], each["Threshold"]) for each in told] == [
        ("ACTUAL", 80.0),
        ("ACTUAL", 100.0),
        ("FORECASTED", 100.0),
    ]
    policy = stack.aws.client("sns").get_topic_attributes(TopicArn=stack.outputs["FailureTopicArn"])
    assert "budgets.amazonaws.com" in policy["Attributes"]["Policy"]


def test_by_default_there_is_none_and_nobody_more_may_publish(deploy):
    stack = deploy()
    assert not stack.aws.client("budgets").describe_budgets(AccountId=ACCOUNT).get("Budgets")
    policy = stack.aws.client("sns").get_topic_attributes(TopicArn=stack.outputs["FailureTopicArn"])
    assert "budgets.amazonaws.com" not in policy["Attributes"]["Policy"]


def test_only_budgets_of_this_account_may_publish(translated, tmp_path):
    alone = load(ROOT / "budget.yaml", {}, tmp_path)["Resources"]["TopicPolicy"]["Properties"]["PolicyDocument"]
    statements = [each for _, each in translated.statements() if "budgets.amazonaws.com" in str(each)]
    assert len(statements) == 1
    for each in [*statements, *alone["Statement"]]:
        assert each["Action"] == "sns:Publish"
        assert each["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert ":budgets::" in str(each["Condition"]["ArnLike"]["aws:SourceArn"])
    stack = translated.resources["MonthlyBudgetStack"]
    assert stack["DependsOn"] == "FailureTopicPolicy", "AWS Budgets refuses a topic that it can't publish to"


def test_the_template_has_only_types_that_every_region_has(translated):
    """One that a Region lacks would end each deployment there, also under a condition that is false."""
    used = {facts["Type"] for facts in translated.resources.values() if not facts["Type"].startswith("Custom::")}
    for region in ("us-gov-west-1", "eu-north-1", "af-south-1", "ca-west-1"):
        assert used <= set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region)), region


def test_the_rule_knows_the_regions_that_have_budgets(translated):
    known = {
        region
        for region in REGIONS
        if "AWS::Budgets::Budget" in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
        and "iso" not in region
        and not region.startswith("eusc-")
    }
    assert known == budgets.REGIONS
    (assertion,) = translated.template["Rules"]["RegionHasBudgets"]["Assertions"]
    assert set(assertion["Assert"]["Fn::Contains"][0]) == {each for each in known if not each.startswith("cn-")}


@pytest.mark.parametrize("wrong", ["0.0", "-1", "0.5", "10 USD", "1.234", ""])
def test_a_budget_that_aws_would_refuse_is_refused_before(deploy, wrong):
    with pytest.raises(DeployError, match="MonthlyBudget must be 0 or from 1"):
        deploy(MonthlyBudget=wrong)
    assert not deploy.aws.client("s3").list_buckets()["Buckets"]
