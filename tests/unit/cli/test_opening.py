"""`avflow open --console`: the address of an execution, in AWS's console and in that of `avflow up`."""

import pytest

from avflow_cli.stack.opening import in_console

ARN = "arn:aws:states:us-east-1:123456789012:execution:av-workflow:my_video-mkv-1f0c9a6b3d2e5f70"
AWS = "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#"


@pytest.mark.parametrize(
    ("console", "address"),
    [
        (f"{AWS}/statemachines/view/arn:aws:states:us-east-1:123456789012:stateMachine:av-workflow",
         f"{AWS}/v2/executions/details/{ARN}"),
        ("http://127.0.0.1:4566/_console/#token", f"http://127.0.0.1:4566/_console/#token/e/{ARN.replace(':', '%3A')}"),
    ],
)  # fmt: skip
def test_the_address_of_an_execution(console, address):
    assert in_console(console, ARN) == address
