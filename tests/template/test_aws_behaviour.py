"""Limits of AWS that the template and the state machine keep (docs/aws-behaviour.md)."""

import inspect

from avflow import errors
from lambdas.failed import failure


def test_every_version_of_an_upload_gets_an_event(translated):
    """Without versions S3 may send one event for two writes at the same time."""
    assert translated.resources["Bucket"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_retry_strategies_have_the_size_that_batch_takes(translated):
    for name, facts in translated.properties("AWS::Batch::JobDefinition").items():
        strategy = facts["RetryStrategy"]
        assert 1 <= strategy["Attempts"] <= 10, name
        assert len(strategy["EvaluateOnExit"]) <= 5, name
    assert translated.template["Parameters"]["JobTimeoutSeconds"]["MinValue"] >= 60


def test_a_subject_is_one_short_line(machine):
    """SNS takes less than 100 characters without line breaks."""
    task = machine["States"]["NotifyFailure"]
    beginning = "av-workflow - "
    assert task["Parameters"]["Subject.$"] == f"States.Format('{beginning}{{}}', $.failure.error)"
    own = [name for name, each in vars(errors).items() if inspect.isclass(each)]
    named = [*own, *failure.PLATFORM_ERRORS, *(name for name, _, _ in failure.BATCH_FAILURES)]
    assert all(len(beginning + name) < 100 and name.isascii() and name.isprintable() for name in named)


def test_the_workflow_may_make_the_rule_for_the_ends_of_jobs(translated):
    """Step Functions learns of the end of a `.sync` job by a managed rule of EventBridge."""
    rule = "rule/StepFunctionsGetEventsForBatchJobsRule"
    (statement,) = [each for _, each in translated.statements() if rule in str(each)]
    assert {"events:PutTargets", "events:PutRule", "events:DescribeRule"} <= set(statement["Action"])


def test_a_retry_policy_is_one_that_eventbridge_takes(translated):
    for name, facts in translated.properties("AWS::Events::Rule").items():
        for target in facts["Targets"]:
            policy = target["RetryPolicy"]
            assert 0 <= policy.get("MaximumRetryAttempts", 185) <= 185, name
            assert 60 <= policy.get("MaximumEventAgeInSeconds", 86400) <= 86400, name
    for name, facts in translated.properties("AWS::Lambda::EventInvokeConfig").items():
        assert 0 <= facts.get("MaximumRetryAttempts", 2) <= 2, name
        assert 60 <= facts.get("MaximumEventAgeInSeconds", 21600) <= 21600, name
