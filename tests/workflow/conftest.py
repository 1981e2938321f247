"""One embedded AWS for all tests of a module. Their executions run at once.

Modules do not share it: one module has an embedded AWS of its own, and a process can have only one at a time.
"""

import pytest

from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws
from tests.workflow.harness import ROOT, TEMPLATE, Workflow


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    attempts, state = tmp_path_factory.mktemp("attempts"), tmp_path_factory.mktemp("aws")
    with LocalAws(
        ROOT,
        state,
        cache_dir=state / "cache",
        batch_jobs_at_once=16,
        lambda_concurrency=1000,
        functions_at_once=32,
    ) as aws:
        outputs = deploy(aws, TEMPLATE, {"Attempts": str(attempts)}, "scripted")
        yield Workflow(aws, outputs["Bucket"], outputs["StateMachine"], attempts)
