"""Every operation that boto3 knows is answered as AWS answers, or refused in AWS's own shape: no page, no traceback."""

import logging

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from tests.local.calls.requests import smallest

SERVICES = ("stepfunctions", "batch", "lambda", "logs", "s3", "cloudformation", "cloudwatch", "sns", "sqs", "events",
            "iam", "sts")  # fmt: skip
#: they would end what the other tests use, or wait for what never comes
LEFT_OUT = {("stepfunctions", "GetActivityTask")}


def operations(service):
    model = ServiceModel(create_loader().load_service_model(service, "service-2"), service)
    return [name for name in model.operation_names if (service, name) not in LEFT_OUT]


CASES = [(service, name) for service in SERVICES for name in operations(service)]


@pytest.fixture(scope="module")
def client_of(bench):
    config = Config(
        inject_host_prefix=False, parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=20
    )
    key = bench.aws.access_key
    clients = {}

    def of(service):
        if service not in clients:
            clients[service] = boto3.client(
                service, endpoint_url=bench.aws.url, region_name="us-east-1", aws_access_key_id=key.id,
                aws_secret_access_key=key.secret, config=config,
            )  # fmt: skip
        return clients[service]

    return of


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_is_answered_or_refused_in_its_shape(client_of, caplog, service):
    client, wrong = client_of(service), {}
    answered, refused = 0, 0
    for name in operations(service):
        caplog.clear()
        model = client.meta.service_model.operation_model(name)
        try:
            getattr(client, xform_name(name))(**smallest(model.input_shape))
            answered += 1
        except ClientError as error:
            refused += 1
            problem = problem_of(error)
            if problem:
                wrong[name] = problem
        except Exception as error:  # no answer, or one that is none
            wrong[name] = f"{type(error).__name__}: {error}"
        shown = [record for record in caplog.records if record.levelno >= logging.WARNING and record.exc_info]
        if shown:
            wrong[name] = f"traceback: {shown[0].getMessage()} {wrong.get(name, '')}"
    print(f"{service}: {answered} answered, {refused} refused")
    assert not wrong


def problem_of(error):
    """What of an error is not as AWS's: a code, a message that is no page or traceback, a status of an error."""
    told, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    if not code or code == "Unknown" or (code.isdigit() and not error.operation_name.startswith("Head")):
        return f"no code: {told}"
    if not (400 <= status < 500 or status == 501):
        return f"status {status}: {told}"
    if "<html" in message.lower() or "traceback" in message.lower():
        return f"a page: {message[:80]}"
    return None
