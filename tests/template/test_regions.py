"""Regions and partitions: the GPU types that a Region has, its zones, and no ARN of the commercial partition."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

from scripts import gpu_offerings
from tests.template.conftest import ROOT, TEMPLATE

#: deploys the template in the Region of the environment, in a process of its own; prints what is there, or the error
DEPLOY = """
import json, sys
from pathlib import Path
from local_aws.cloudformation.deploy import DeployError, deploy
from local_aws.server import LocalAws

root, state, cache, parameters = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
with LocalAws(root, state, cache_dir=cache) as aws:
    try:
        outputs = deploy(aws, root / "template.yaml", parameters, "av-workflow")
    except DeployError as error:
        print(json.dumps({"error": str(error), "buckets": aws.client("s3").list_buckets()["Buckets"]}, default=str))
        sys.exit()
    states = aws.client("stepfunctions")
    machine = states.describe_state_machine(stateMachineArn=outputs["StateMachineArn"])["definition"]
    functions = [each.configuration for each in aws.functions.all()]
    zones = [each["AvailabilityZone"] for each in aws.client("ec2").describe_subnets()["Subnets"]]
    print(json.dumps({
        "outputs": outputs,
        "machine": machine,
        "layers": [layer for each in functions for layer in each.get("Layers", [])],
        "environments": aws.batch.compute_environments(),
        "definitions": aws.batch.definitions(),
        "zones": [zone for zone in zones],
    }, default=str))
"""


@pytest.fixture
def deployed(tmp_path, cache):
    """A function that deploys in a Region; `error` has the reason if it fails."""

    def run(region, **parameters):
        found = subprocess.run(
            [sys.executable, "-c", DEPLOY, ROOT, tmp_path / region, cache, json.dumps(parameters)],
            env={**os.environ, "AVFLOW_AWS_REGION": region},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout.splitlines()[-1])

    return run


def types_of(stack):
    environments = {each["computeEnvironmentName"]: each["computeResources"] for each in stack["environments"]}
    spot, on_demand = (environments[f"av-workflow-Gpu{each}Compute"] for each in ("Spot", "OnDemand"))
    assert spot["instanceTypes"] == on_demand["instanceTypes"]
    assert len(spot["subnets"]) == len(environments["av-workflow-CpuCompute"]["subnets"])
    return spot["instanceTypes"], len(spot["subnets"])


def instance_of(stack):
    """The instance type for the estimate of the cost."""
    (job,) = [each for each in stack["definitions"] if each["jobDefinitionName"] == "av-workflow-yolov3"]
    pairs = {each["name"]: each["value"] for each in job["containerProperties"]["environment"]}
    return pairs["COMPUTE_INSTANCE"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "types", "subnets"),
    [
        ("us-west-1", ["g4dn.xlarge"], 2),  # a new account has two zones there
        ("eu-west-1", ["g4dn.xlarge", "g5.xlarge"], 3),
        ("eu-central-2", ["g6.xlarge"], 3),
    ],
)
def test_a_region_gets_the_types_and_the_zones_that_it_has(deployed, region, types, subnets):
    stack = deployed(region)
    assert types_of(stack) == (types, subnets)
    assert instance_of(stack) == types[0]


def test_types_that_the_region_lacks_are_refused_as_by_aws_and_no_bucket_stays(deployed):
    failed = deployed("eu-west-1", GpuInstanceTypes="g4dn.xlarge,g6.xlarge")
    assert "Gpu" in failed["error"]
    assert "Error executing request, Exception : Instance type can only be one of [" in failed["error"]
    assert failed["buckets"] == []


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        ("ca-west-1", "GpuInstanceTypes must name GPU instance types"),  # has none of the three
        ("xx-new-1", "GpuInstanceTypes must name GPU instance types"),  # nobody knows it yet
        ("cn-north-1", "commercial Region or an AWS GovCloud"),
        ("ap-east-2", "Powertools"),
    ],
)
def test_a_region_in_which_it_can_not_work_is_refused_with_what_to_do(deployed, region, reason):
    failed = deployed(region)
    assert reason in failed["error"]
    assert failed["buckets"] == []


@pytest.mark.parametrize("region", ["eu-north-1", "us-gov-west-1"])
def test_a_budget_is_refused_where_cloudformation_has_none_and_only_there(deployed, region):
    failed = deployed(region, MonthlyBudget="10")
    assert "MonthlyBudget must be 0 in this Region" in failed["error"]
    assert "budget.yaml" in failed["error"]
    assert failed["buckets"] == []


@pytest.mark.slow
def test_a_region_takes_other_types_that_it_has_or_none(deployed):
    assert types_of(deployed("il-central-1", GpuInstanceTypes="g5.2xlarge"))[0] == ["g5.2xlarge"]
    without = deployed("ca-west-1", DetectorCompute="cpu")
    assert [each["computeEnvironmentName"] for each in without["environments"]] == ["av-workflow-CpuCompute"]


@pytest.mark.slow
@pytest.mark.parametrize(("region", "account"), [("us-gov-east-1", "165087284144"), ("us-gov-west-1", "165093116878")])
def test_govcloud_gets_its_own_arns_links_and_layers(deployed, region, account):
    stack = deployed(region)
    assert types_of(stack)[0] == ["g4dn.xlarge", "g6.xlarge"]
    assert "arn:aws:" not in json.dumps(stack)
    assert "arn:aws-us-gov:states:::lambda:invoke" in stack["machine"]
    assert {layer.split(":")[4] for layer in stack["layers"]} == {account}
    for name in ("StateMachineConsole", "DashboardConsole"):
        assert stack["outputs"][name].startswith(f"https://{region}.console.amazonaws-us-gov.com/")


def test_no_file_of_the_stack_names_a_partition():
    for path in (TEMPLATE, ROOT / "statemachine" / "av_workflow.asl.yaml"):
        assert not re.findall(
            r"arn:aws[a-z-]*:(?!iam::\[)", path.read_text(encoding="utf-8").replace("arn:aws[", "")
        ), path
    for path in [*ROOT.glob("lambdas/**/*.py"), *ROOT.glob("avflow*/**/*.py"), *ROOT.glob("batch_jobs/**/*.py")]:
        assert "arn:aws" not in path.read_text(encoding="utf-8"), path


def test_the_conditions_agree_with_ec2s_answers():
    """moto keeps answers of DescribeInstanceTypeOfferings; the template's Regions come from the price list."""
    offered = gpu_offerings.read(TEMPLATE.read_text(encoding="utf-8"))
    for region, answers in INSTANCE_TYPE_OFFERINGS["region"].items():
        types = {each["InstanceType"] for each in answers} & {*gpu_offerings.TYPES}
        assert {each for each in gpu_offerings.TYPES if region in offered[each]} == types, region


def test_the_page_lists_the_types_of_each_region():
    offered = gpu_offerings.read(TEMPLATE.read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (all three|g\d[\w ]+) \| (.*) \|$", page, re.M)
    told = {}
    for types, regions in rows:
        names = (
            {each.partition(".")[0] for each in offered} if types == "all three" else {*re.findall(r"g\d\w*", types)}
        )
        told |= dict.fromkeys(regions.split(", "), names)
    found = {}
    for each, regions in offered.items():
        for region in regions:
            found.setdefault(region, set()).add(each.partition(".")[0])
    assert told == found
    everywhere = frozenset.intersection(*offered.values())
    assert f"Only {len(everywhere)} of " in page
    assert f"had on {gpu_offerings.date_of(TEMPLATE.read_text(encoding='utf-8'))}:" in page


def test_the_price_of_a_warm_gpu_is_that_of_the_table_of_prices(translated):
    table = tomllib.loads((ROOT / "avflow" / "workflow" / "prices.toml").read_text(encoding="utf-8"))
    share = table["ec2_spot"]["share_of_on_demand"]
    hour = table["ec2"]["g4dn.xlarge"] * share + 100 * table["ebs"]["gb_month"] / 730 + table["ipv4"]["hour"]
    said = translated.template["Parameters"]["WarmGpuVcpus"]["Description"]
    assert f"${hour:.2f} an hour or ${730 * hour:.0f} a month in us-east-1" in said
    assert f"Spot costs {100 * share:.0f} % of the price on demand" in said
    assert f"${730 * hour:.0f} a month" in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_the_template_is_as_its_script_writes_it():
    text = TEMPLATE.read_text(encoding="utf-8")
    source = re.search(r"# GPU types of each Region on \S+ \((.*)\)\.$", text, re.M)[1]
    assert gpu_offerings.write(text, gpu_offerings.read(text), gpu_offerings.date_of(text), source) == text
