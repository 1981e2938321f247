"""The console at the port of the embedded AWS of the tests."""

import json
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from avflow_cli.console import of_embedded
from local_aws.callers import PAGE_PATH
from tests.local.access.conftest import Raw

MACHINE = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


@pytest.fixture(scope="module")
def console(bench):
    """Its server, and requests to it as its page sends them."""
    machine = bench.states.create_state_machine(
        name="shown", definition=json.dumps(MACHINE), roleArn=bench.outputs["RoleArn"]
    )["stateMachineArn"]
    bucket = bench.outputs["Bucket"]
    page = of_embedded(bench.aws.url, bench.aws.access_key, machine, bucket)
    bench.aws.page = page
    raw = Raw(bench.aws.url)

    def ask(name, /, method="GET", body=b"", headers=None, **query):
        given = {"Authorization": f"Bearer {page.token}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors",
                 "Sec-Fetch-Dest": "empty", **(headers or {})}  # fmt: skip
        answer = raw(method, f"{PAGE_PATH}api/{name}?{urlencode(query)}", given, body)
        return SimpleNamespace(status=answer.status, headers=answer.headers, json=json.loads(answer.body or b"{}"))

    yield SimpleNamespace(page=page, raw=raw, ask=ask, machine=machine, bucket=bucket)
    bench.aws.page = None
    page.close()
