"""The script that renews the GPU types of each Region, against recorded answers of EC2."""

import boto3
import pytest
from botocore.stub import Stubber

from scripts import gpu_offerings
from scripts.gpu_offerings import TEMPLATE, TYPES, OfferingsError

FILTERS = [{"Name": "instance-type", "Values": list(TYPES)}]


class Ec2:
    """A client for each Region; it checks the requests, and gives the recorded answers."""

    def __init__(self, pages, refuse=()):
        self.pages, self.asked, self.refuse = pages, [], refuse

    def __call__(self, region):
        client = boto3.client("ec2", region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
        stubber = Stubber(client)
        if not self.asked:
            stubber.add_response("describe_regions", {"Regions": [{"RegionName": each} for each in self.pages]}, {})
            self.asked.append(region)
        else:
            self.asked.append(region)
            self._offerings(stubber, region)
        stubber.activate()
        return client

    def _offerings(self, stubber, region):
        if region in self.refuse:
            stubber.add_client_error("describe_instance_type_offerings", "UnauthorizedOperation", "not you")
            return
        expected, pages = {"LocationType": "region", "Filters": FILTERS}, self.pages[region]
        for number, types in enumerate(pages):
            offerings = [{"InstanceType": each, "LocationType": "region", "Location": region} for each in types]
            token = {"NextToken": str(number)} if number + 1 < len(pages) else {}
            stubber.add_response(
                "describe_instance_type_offerings", {"InstanceTypeOfferings": offerings, **token}, expected
            )
            expected = {**expected, **token}


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_regions_are_asked_page_by_page():
    ec2 = Ec2({"eu-west-1": [["g4dn.xlarge"], ["g6.xlarge"]], "ca-west-1": [[]]})
    found = gpu_offerings.ask(ec2, "eu-west-1")
    assert found == {"ca-west-1": frozenset(), "eu-west-1": frozenset({"g4dn.xlarge", "g6.xlarge"})}
    assert ec2.asked == ["eu-west-1", "ca-west-1", "eu-west-1"]


def test_an_update_changes_the_asked_regions_and_no_others(template, capsys):
    before = gpu_offerings.read(template.read_text())
    gpu_offerings.update(Ec2({"ca-west-1": [["g6.xlarge"]], "us-west-1": [[]]}), "us-west-1", template)
    after = gpu_offerings.read(template.read_text())
    assert after["g4dn.xlarge"] == before["g4dn.xlarge"] - {"us-west-1"}
    assert after["g5.xlarge"] == before["g5.xlarge"]
    assert after["g6.xlarge"] == before["g6.xlarge"] | {"ca-west-1"}
    assert capsys.readouterr().out.split("\n") == ["g4dn.xlarge - us-west-1", "g6.xlarge + ca-west-1", ""]
    text = template.read_text()
    assert "in 2 Regions" in text
    rule = text.partition("  RegionHasGpuTypes:")[2].partition("# end of")[0]
    assert "ca-west-1" in rule
    assert "us-west-1" not in rule


def test_a_second_update_with_the_same_answers_changes_nothing(template):
    answers = {"eu-west-1": [["g4dn.xlarge", "g5.xlarge"]]}
    gpu_offerings.update(Ec2(answers), "eu-west-1", template)
    first = template.read_text()
    gpu_offerings.update(Ec2(answers), "eu-west-1", template)
    assert template.read_text() == first


def test_a_region_that_does_not_answer_leaves_the_file_as_it_was(template):
    before = template.read_text()
    with pytest.raises(OfferingsError, match=r"us-west-1: .*UnauthorizedOperation.*No file was changed"):
        gpu_offerings.update(Ec2({"eu-west-1": [[]], "us-west-1": [[]]}, refuse=["us-west-1"]), "eu-west-1", template)
    assert template.read_text() == before


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("# begin of gpu_offerings conditions\n", "", "no lines"),
        ("  OffersG5: ", "  Offers: ", "no condition OffersG5"),
    ],
)
def test_a_template_without_the_conditions_is_named(old, new, reason):
    text = TEMPLATE.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(OfferingsError, match=reason):
        gpu_offerings.read(text.replace(old, new))


def test_show_prints_each_type_with_its_regions(capsys):
    assert gpu_offerings.main("show") == 0
    shown = capsys.readouterr().out
    assert all(f"\n{each}: " in shown for each in TYPES)
    assert gpu_offerings.main() == 2
