"""Budgets, in the Regions in which CloudFormation has them."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.stack import Created, Stack, creates, only_in
from local_aws.coverage import differs
from local_aws.names import ACCOUNT

#: cfn-lint 1.58.0, `cfnlint/data/schemas/providers`, without the partitions of the isolated clouds
REGIONS = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "cn-north-1", "cn-northwest-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
only_in("AWS::Budgets::Budget", REGIONS)


@creates("AWS::Budgets::Budget", differs("is kept; nothing is spent here, so it tells nobody"))
def budget(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """A budget with its notifications."""
    facts = dict(properties["Budget"])
    facts.setdefault("BudgetName", stack.physical_name(logical_id))
    facts["BudgetLimit"] = {key: str(value) for key, value in facts["BudgetLimit"].items()}
    stack.aws.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget=facts,
        NotificationsWithSubscribers=properties.get("NotificationsWithSubscribers", []),
    )
    return Created(facts["BudgetName"])
