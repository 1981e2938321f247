"""Renew which Regions have which GPU instance types, in template.yaml.

usage: python -m scripts.gpu_offerings show      prints what the template has; needs no network
       python -m scripts.gpu_offerings update    asks EC2 in each Region of the account, and writes the template

If `GpuInstanceTypes` is empty, the stack takes those of `TYPES` that its Region has. AWS Batch refuses a compute
environment with a type that the Region lacks, and CloudFormation then rolls the stack back. `update` needs credentials
that may call ec2:DescribeRegions and ec2:DescribeInstanceTypeOfferings. Regions that the account has not enabled, and
those of other partitions, stay as they are. Amazon EC2 API Reference, "DescribeInstanceTypeOfferings".
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
#: what the stack chooses from; the smallest of each family that current CUDA runs on
TYPES = ("g4dn.xlarge", "g5.xlarge", "g6.xlarge")
#: AWS CloudFormation, "Fn::Or": from 2 to 10 conditions
_MAX_OR = 10
_PER_LINE = 2
_DATE = re.compile(r"# GPU types of each Region on (\d{4}-\d\d-\d\d) ")
_CONDITION = re.compile(r"^  Offers(\w+): (.*?)(?=^  \w|^  #)", re.M | re.S)
_REGION = re.compile(r"!Ref AWS::Region, ([a-z0-9-]+)\]")

#: by type, the Regions that have it
Offerings = Mapping[str, frozenset[str]]
Client = Callable[[str], "EC2Client"]


class OfferingsError(Exception):
    """The message says what is missing in the template, or which Region did not answer and why."""


def condition_of(instance_type: str) -> str:
    """`OffersG4dn` for g4dn.xlarge: the condition of the template."""
    return "Offers" + instance_type.partition(".")[0].capitalize()


def read(text: str) -> Offerings:
    """The Regions by type that a template has.

    Raises
    ------
    OfferingsError
        The template has no such conditions.
    """
    block = _block(text, "conditions")
    found = {f"Offers{name}": frozenset(_REGION.findall(body)) for name, body in _CONDITION.findall(block + "  #")}
    if missing := [name for name in map(condition_of, TYPES) if not found.get(name)]:
        raise OfferingsError(f"the template has no condition {', '.join(missing)}")
    return {each: found[condition_of(each)] for each in TYPES}


def date_of(text: str) -> str:
    """The day on which the template's Regions were right."""
    found = _DATE.search(text)
    return found[1] if found else "an unknown day"


def write(text: str, offerings: Offerings, day: str, source: str) -> str:
    """A template with these Regions by type."""
    regions = sorted(set().union(*offerings.values()))
    text = _put(text, "rule", _rule(regions))
    return _put(text, "conditions", _conditions(offerings, day, source))


def _conditions(offerings: Offerings, day: str, source: str) -> str:
    lines = [
        f"# GPU types of each Region on {day} ({source}).",
        "# `python -m scripts.gpu_offerings update` renews them. They are conditions and no mapping, because",
        "# Fn::FindInMap fails for a Region that it lacks even in a branch that Fn::If does not take",
        "# (aws-cloudformation/aws-cloudformation-templates#271), and then GpuInstanceTypes would not help.",
    ]
    for each in TYPES:
        regions = sorted(offerings[each])
        lines.append(f"{condition_of(each)}: !Or")
        for first in range(0, len(regions), _MAX_OR):
            lines += _one_of(regions[first : first + _MAX_OR])
    return "".join(f"  {line}\n" for line in lines)


def _one_of(regions: list[str]) -> list[str]:
    equals = [f"!Equals [!Ref AWS::Region, {each}]" for each in regions]
    if len(equals) == 1:
        return [f"  - {equals[0]}"]
    rows = [", ".join(equals[first : first + _PER_LINE]) for first in range(0, len(equals), _PER_LINE)]
    return [
        "  - !Or",
        *(f"    {'[ ' if not n else '  '}{row}{',' if n + 1 < len(rows) else ' ]'}" for n, row in enumerate(rows)),
    ]


def _rule(regions: list[str]) -> str:
    rows = [", ".join(regions[first : first + 7]) for first in range(0, len(regions), 7)]
    listed = ",\n             ".join(rows)
    return f"""\
  RegionHasGpuTypes:
    RuleCondition: !And [!Not [!Equals [!Ref DetectorCompute, cpu]], !Equals [!Ref GpuInstanceTypes, ""]]
    Assertions:
      - Assert: !Contains
          - [{listed}]
          - !Ref AWS::Region
        AssertDescription: >-
          GpuInstanceTypes must name GPU instance types that this Region has, because it is not known to have any of
          {", ".join(TYPES[:-1])} and {TYPES[-1]}. `aws ec2 describe-instance-type-offerings` lists them. If there are
          none, DetectorCompute must be cpu.
"""


def _block(text: str, name: str) -> str:
    found = re.search(
        rf"^  # begin of gpu_offerings {name}\n(.*?)^  # end of gpu_offerings {name}\n", text, re.M | re.S
    )
    if found is None:
        raise OfferingsError(f"the template has no lines `# begin of gpu_offerings {name}` and `# end of …`")
    return found[1]


def _put(text: str, name: str, lines: str) -> str:
    begin, end = (f"  # {word} of gpu_offerings {name}\n" for word in ("begin", "end"))
    return text.replace(f"{begin}{_block(text, name)}{end}", f"{begin}{lines}{end}")


def ask(client: Client, start: str = "us-east-1") -> dict[str, frozenset[str]]:
    """Those of `TYPES` that each enabled Region of the account's partition has, by Region.

    Parameters
    ----------
    client:
        Gives the EC2 client of a Region.
    start:
        The Region that is asked for the others.

    Raises
    ------
    OfferingsError
        A Region does not answer.
    """
    region, found = start, {}
    try:
        regions = sorted(each["RegionName"] for each in client(start).describe_regions()["Regions"])
        for region in regions:
            pages = client(region).get_paginator("describe_instance_type_offerings")
            wanted = {"Name": "instance-type", "Values": list(TYPES)}
            answers = pages.paginate(LocationType="region", Filters=[wanted])
            offered = (str(each["InstanceType"]) for page in answers for each in page["InstanceTypeOfferings"])
            found[region] = frozenset(offered)
    except (BotoCoreError, ClientError) as error:
        raise OfferingsError(f"{region}: {error}. No file was changed") from error
    return found


def renew(old: Offerings, answers: Mapping[str, Iterable[str]]) -> Offerings:
    """The Regions by type after the answers; a Region that was not asked stays as it was."""
    return {
        each: frozenset(region for region in old[each] if region not in answers)
        | frozenset(region for region, types in answers.items() if each in types)
        for each in TYPES
    }


def update(client: Client, start: str, path: Path = TEMPLATE) -> None:
    """Ask EC2, write the template, and print what has changed."""
    text = path.read_text(encoding="utf-8")
    old = read(text)
    answers = ask(client, start)
    new = renew(old, answers)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    path.write_text(write(text, new, day, f"asked by DescribeInstanceTypeOfferings in {len(answers)} Regions"), "utf-8")
    for each in TYPES:
        for sign, regions in (("+", new[each] - old[each]), ("-", old[each] - new[each])):
            print(*(f"{each} {sign} {region}" for region in sorted(regions)), sep="\n", end="\n" if regions else "")


def show(path: Path = TEMPLATE) -> None:
    """Print the Regions by type, and their date."""
    text = path.read_text(encoding="utf-8")
    print(f"on {date_of(text)}:")
    for each, regions in read(text).items():
        print(f"{each}: {', '.join(sorted(regions))}")


def main(*arguments: str) -> int:
    """Run the command line. Return the exit status."""
    try:
        if arguments == ("show",):
            show()
        elif arguments == ("update",):
            session = boto3.session.Session()
            update(lambda region: session.client("ec2", region_name=region), session.region_name or "us-east-1")
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except OfferingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
