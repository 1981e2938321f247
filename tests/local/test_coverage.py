"""local_aws/COVERAGE.md says what the tables in the code say, and the tables name operations as AWS does."""

import re

import pytest
from botocore.loaders import create_loader

from local_aws.awslambda import api as lambda_api
from local_aws.batch import api as batch_api
from local_aws.cloudformation import intrinsics, stack
from local_aws.coverage import AS_AWS, KEPT
from local_aws.eventbridge import patterns, service, targets
from local_aws.logs import api as logs_api
from local_aws.s3 import operations as s3_operations
from local_aws.stepfunctions import service as states_service
from scripts.coverage_page import PAGE, written

LEVELS = ("service", "bucket", "object")
TABLES = {
    "S3": s3_operations.OPERATIONS,
    "Lambda": lambda_api.OPERATIONS,
    "Batch": batch_api.OPERATIONS,
    "CloudWatch Logs": logs_api.OPERATIONS,
    "EventBridge": service.OPERATIONS,
    "targets": targets.TARGETS,
    "operators": patterns.OPERATORS,
    "Step Functions": states_service.OPERATIONS,
    "resource types": stack.RESOURCE_TYPES,
    "functions": intrinsics.FUNCTIONS,
    "conditions": intrinsics.CONDITIONS,
}


def described(name):
    """Each operation of a service, as AWS describes it: its HTTP request, and the names of its required members."""
    model = create_loader().load_service_model(name, "service-2")
    required = {shape: facts.get("required", []) for shape, facts in model["shapes"].items()}
    return {
        operation: {**facts["http"], "required": required[facts["input"]["shape"]] if "input" in facts else []}
        for operation, facts in model["operations"].items()
    }


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m scripts.coverage_page"


@pytest.mark.parametrize("table", TABLES)
def test_each_entry_says_how_faithful_it_is(table):
    for operation in TABLES[table].values():
        assert operation.fidelity in (AS_AWS, KEPT) or re.fullmatch(r"differs: \S.+[^.]", operation.fidelity)
        assert "|" not in operation.fidelity, "it is a cell of a table"


def test_operations_of_s3_are_named_and_requested_as_aws_does():
    known = described("s3")  # a client may have changed its paths, but not the queries
    for (method, level, query), operation in s3_operations.OPERATIONS.items():
        http = known[operation.name]
        assert (http["method"], len({"Bucket", "Key"} & {*http["required"]})) == (method, LEVELS.index(level))
        named = {each.partition("=")[0] for each in http["requestUri"].partition("?")[2].split("&")} - {"x-id"}
        assert set(query.split()) - {"copy", "uploadId"} == named - {""}, operation.name


def test_operations_of_lambda_and_batch_are_named_and_requested_as_aws_does():
    known = described("lambda")
    for (method, path), operation in lambda_api.OPERATIONS.items():
        http = known[operation.name]
        assert (http["method"], http["requestUri"].rstrip("/")) == (method, f"/2015-03-31/functions{path}")
    known = described("batch")
    for path, operation in batch_api.OPERATIONS.items():
        assert known[operation.name]["requestUri"] == path


def test_operations_of_the_other_services_are_named_as_aws_does():
    tables = {
        "events": service.OPERATIONS,
        "stepfunctions": states_service.OPERATIONS,
        "logs": logs_api.OPERATIONS,
    }
    for name, table in tables.items():
        for target, operation in table.items():
            assert operation.name in described(name)
            assert target.rpartition(".")[2] == operation.name
