"""An account whose answers were recorded, for the tests of `avflow doctor`."""

import boto3
from botocore.stub import Stubber

from avflow_cli.doctor.account import Account


class Recorded(Account):
    """An account whose next answer has been recorded."""

    def answering(self, service, operation, *, answer=None, error=None):
        client = boto3.client(service, region_name="eu-south-2", aws_access_key_id="k", aws_secret_access_key="s")
        stub = Stubber(client)
        if error:
            stub.add_client_error(operation, *error)
        else:
            stub.add_response(operation, answer)
        stub.activate()
        object.__setattr__(self, "client", lambda _: client)
        return self
