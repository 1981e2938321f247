"""Write local_aws/COVERAGE.md from the tables of operations and resource types in local_aws.

usage: python -m scripts.coverage_page
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import local_aws.cloudformation.resources  # noqa: F401 - registers the types of resources
from local_aws.awslambda import api as lambda_api
from local_aws.batch import api as batch_api
from local_aws.by_moto import BY_MOTO
from local_aws.cloudformation import api as stacks_api
from local_aws.cloudformation import intrinsics, stack
from local_aws.coverage import AS_AWS, KEPT, Operation
from local_aws.eventbridge import patterns, service, targets
from local_aws.logs import api as logs_api
from local_aws.quotas import OPERATIONS as QUOTAS
from local_aws.s3 import operations as s3_operations
from local_aws.stepfunctions import service as states_service
from local_aws.stepfunctions.moto_patches import PATCHES

PAGE = Path(__file__).parents[1] / "local_aws" / "COVERAGE.md"

HEAD = f"""\
# What the embedded AWS covers

`python -m scripts.coverage_page` writes this page from the tables in the code; change the notes there.

- **{AS_AWS}**: behaves as AWS's documentation says, as far as requests here go.
- **{KEPT}**: is stored and read back as it was written; nothing acts on it.
- **differs**: works, except for what the note says.

An operation of S3, Lambda, Batch or CloudWatch Logs that is not listed is refused with an error that names it, and so
is a type of resource. There is one account and one region. Requests must be signed; policies are not enforced.
"""


def written() -> str:
    """The page as it should be."""
    sections = [
        HEAD,
        "## S3\n",
        _operations(s3_operations.OPERATIONS),
        "## Lambda\n",
        _operations({**lambda_api.OPERATIONS, "account": lambda_api.ACCOUNT_SETTINGS}),
        "## Batch\n",
        _operations(batch_api.OPERATIONS),
        "## CloudWatch Logs\n",
        "What functions and jobs print is in their log groups at once.\n",
        _operations(logs_api.OPERATIONS),
        "## Service Quotas\n",
        _operations(QUOTAS),
        "## EventBridge\n",
        "Requests:\n",
        _operations(service.OPERATIONS),
        "Targets, besides Lambda functions, which need an `AWS::Lambda::Permission` as on AWS:\n",
        _operations(targets.TARGETS),
        f"Operators of event patterns, besides `{patterns.EXISTS}` and `{patterns.OR}`:\n",
        _operations(patterns.OPERATORS),
        "## Step Functions\n",
        "moto's interpreter runs the executions, and answers all other operations that it has. Ours:\n",
        _operations(states_service.OPERATIONS),
        "Where moto does not behave as AWS, `stepfunctions/moto_patches.py` corrects it:\n",
        _table(
            ["what moto does", "the patch can go when moto …"],
            ([each.why, each.goes_when] for each in PATCHES.values()),
        ),
        "## CloudFormation\n",
        "aws-sam-translator translates SAM's resources, as on AWS. A stack can be created, not changed.\n",
        "Requests:\n",
        _operations(stacks_api.OPERATIONS),
        "Types of resources:\n",
        _operations(dict(sorted(stack.RESOURCE_TYPES.items()))),
        "Intrinsic functions:\n",
        _operations(intrinsics.FUNCTIONS),
        "Conditions, and the assertions of rules:\n",
        _operations(intrinsics.CONDITIONS),
        f"Pseudo parameters: {', '.join(f'`{name}`' for name in intrinsics.pseudo_parameters(''))}.\n",
        "## What moto provides as it is\n",
        _table(["service", "what it does here"], BY_MOTO.items()),
    ]
    return "\n".join(sections)


def _operations(table: Mapping[Any, Operation[Any]]) -> str:
    """A row for each note, with the operations that it is about."""
    names: dict[str, list[str]] = {}
    for operation in table.values():
        names.setdefault(operation.fidelity, []).append(operation.name)
    order = sorted(names, key=lambda note: (note != AS_AWS, note != KEPT))
    return _table(["what", "how faithful"], ([", ".join(names[note]), note] for note in order))


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
