"""What a monthly budget needs in an account: a Region with budgets, and an active cost allocation tag."""

from __future__ import annotations

from botocore.exceptions import ClientError

from avflow_cli.access import DENIED
from avflow_cli.doctor.account import Account, stack
from avflow_cli.doctor.finding import Finding, fix, ok, unknown

#: the tag that the template gives to all that costs money
TAG = "avflow-stack"
_NAME = "budget"
_ACTIVATE = f"aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey={TAG},Status=Active"


def budget(account: Account) -> Finding:
    """Whether the budget of the deployment would see what the stack costs. Without its tag it stays at 0 dollars."""
    limit, region = account.deployment.parameters["MonthlyBudget"], account.session.region_name
    if limit == "0":
        return ok(_NAME, "none (MonthlyBudget)")
    (assertion,) = account.deployment.template["Rules"]["RegionHasBudgets"]["Assertions"]
    if region not in assertion["Assert"]["Fn::Contains"][0]:
        todo = 'parameter_overrides = "MonthlyBudget=0"    (and budget.yaml in us-east-1: docs/deploy.md)'
        return fix(_NAME, f"CloudFormation has no budgets in {region}", todo)
    try:
        found = account.client("ce").list_cost_allocation_tags(TagKeys=[TAG])["CostAllocationTags"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        told = f"only the account that pays may ask whether the tag {TAG} is active"
        return unknown(_NAME, told, f"{_ACTIVATE}    (there)")
    if any(each["Status"] == "Active" for each in found):
        return ok(_NAME, f"{limit} US dollars a month; the tag {TAG} is active")
    if not found and "does not exist" in stack(account).message:
        return ok(_NAME, f"{limit} US dollars a month; activate the tag {TAG} a day after the deployment")
    return fix(_NAME, f"the tag {TAG} is not active, so the budget stays at 0 dollars", _ACTIVATE)
