"""What `avflow doctor` says about the monthly budget and its tag, from recorded answers of AWS."""

from types import SimpleNamespace

import pytest

from avflow_cli import samconfig
from avflow_cli.doctor import costs
from tests.local.recorded_account import Recorded


@pytest.fixture
def deployment():
    return samconfig.read()


@pytest.fixture
def with_budget(deployment, monkeypatch):
    """A function that gives an account with a budget, the status of its tag, and whether there is a stack."""

    def make(tags=None, error=None, deployed=True, region="us-east-1"):
        deployment.parameters["MonthlyBudget"] = "50"
        account = Recorded(deployment, region=region)
        answer = {"CostAllocationTags": [{"TagKey": "avflow-stack", "Type": "UserDefined", "Status": each}
                                         for each in tags or []]}  # fmt: skip
        told = f"av-workflow {'is CREATE_COMPLETE' if deployed else 'does not exist yet'}"
        monkeypatch.setattr(costs, "stack", lambda _: SimpleNamespace(message=told))
        return account.answering("ce", "list_cost_allocation_tags", answer=answer, error=error)

    return make


@pytest.mark.parametrize(
    ("tags", "deployed", "state", "told"),
    [
        (["Active"], True, "ok", "50 US dollars a month; the tag avflow-stack is active"),
        (["Inactive"], True, "fix", "stays at 0 dollars"),
        ([], True, "fix", "stays at 0 dollars"),
        ([], False, "ok", "a day after the deployment"),
    ],
)
def test_a_budget_without_its_tag_is_told_with_what_to_type(with_budget, tags, deployed, state, told):
    finding = costs.budget(with_budget(tags, deployed=deployed))
    assert (finding.state, told in finding.message) == (state, True), finding
    if state == "fix":
        assert finding.todo[0].startswith("aws ce update-cost-allocation-tags-status")
        assert "TagKey=avflow-stack,Status=Active" in finding.todo[0]


def test_a_member_account_may_not_ask_for_the_tag(with_budget):
    finding = costs.budget(with_budget(error=("AccessDeniedException", "Linked account doesn't have access")))
    assert (finding.state, "the account that pays" in finding.message) == ("unknown", True)


def test_a_budget_where_cloudformation_has_none(with_budget):
    finding = costs.budget(with_budget(region="eu-north-1"))
    assert (finding.state, "budget.yaml" in finding.todo[0]) == ("fix", True)
    assert "no budgets in eu-north-1" in finding.message
