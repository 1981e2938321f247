"""Logs, alarms, the dashboard and the effects of a failure, with real failures on the embedded AWS."""

import json
import re
import time

import pytest

from avflow.workflow import observability
from avflow.workflow.reports import MergeReport
from local_aws.eventbridge.events import new_event
from local_aws.sandbox.activity import StepLog
from tests.reports import media, segment_report, step
from tests.waiting import until

#: AWS/… namespaces: Step Functions, Lambda, SQS and EventBridge Developer Guides, "metrics"
AWS_METRICS = {
    "AWS/States": {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"}
    | {"ExecutionsAborted", "ExecutionTime"},
    "AWS/Lambda": {"Errors"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible"},
    "AWS/Events": {"TriggeredRules"},
}


def emitted(lines):
    """(namespace, metric, dimensions) of lines in the embedded metric format."""
    for line in lines:
        if '"CloudWatchMetrics"' in line:
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
                for metric in directive["Metrics"]:
                    for dimensions in directive["Dimensions"]:
                        yield directive["Namespace"], metric["Name"], frozenset(dimensions)


def shown(body):
    """(namespace, metric, dimensions) of every metric on a dashboard."""
    for widget in body["widgets"]:
        row = []
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                search = re.search(r"\{\"([^\"]+)\",([\w,]+)\} MetricName=\"(\w+)\"", metric[0]["expression"])
                yield search[1], search[3], frozenset(search[2].split(","))
                continue
            names = [each for each in metric if isinstance(each, str)]
            if names[0] == "...":  # the same as above except the last
                names = row[: len(row) - len(names) + 1] + names[1:]
            row = [row[index] if each == "." else each for index, each in enumerate(names)]
            yield row[0], row[1], frozenset(row[2::2])


def test_what_happens_in_every_queue_is_kept(translated):
    rules = translated.properties("AWS::Events::Rule")
    for name in ("JobStateRule", "JobStuckRule"):
        listed = rules[name]["EventPattern"]["detail"]["jobQueue"]
        assert {each.get("Ref") or each["Fn::If"][1]["Ref"] for each in listed} == {
            *translated.of_type("AWS::Batch::JobQueue")
        }, name


def own_group(translated, name):
    return translated.properties("AWS::Lambda::Function")[name]["LoggingConfig"]["LogGroup"]["Ref"]


def test_every_function_job_machine_and_event_has_a_log_group_that_forgets(translated):
    groups = translated.properties("AWS::Logs::LogGroup")
    assert all(facts["RetentionInDays"] == {"Ref": "LogRetentionDays"} for facts in groups.values())
    used = [own_group(translated, name) for name in translated.of_type("AWS::Lambda::Function")]
    assert len(set(used)) == len(used), "one per function"
    for facts in translated.properties("AWS::Batch::JobDefinition").values():
        used.append(facts["ContainerProperties"]["LogConfiguration"]["Options"]["awslogs-group"]["Ref"])
    (machine,) = translated.properties("AWS::StepFunctions::StateMachine").values()
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)
    used.append(logging["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0])
    assert set(groups) - set(used) == {"JobEvents"}
    # other names fill the account's log resource policy (Step Functions Developer Guide, "Logging")
    assert groups[used[-1]]["LogGroupName"]["Fn::Sub"].startswith("/aws/vendedlogs/states/")
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_every_rule_and_every_asynchronous_function_has_somewhere_to_leave_what_fails(translated):
    rules = translated.properties("AWS::Events::Rule")
    assert len(rules) == 5
    queue = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    for name, facts in rules.items():
        for target in facts["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": queue}, name
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] >= 3600, name
    (policy,) = translated.properties("AWS::SQS::QueuePolicy").values()
    allowed = policy["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert {source["Fn::GetAtt"][0] for source in allowed} == set(rules)
    invoked = {
        facts["FunctionName"]["Ref"]: facts["DestinationConfig"]["OnFailure"]["Destination"]
        for facts in translated.properties("AWS::Lambda::EventInvokeConfig").values()
    }
    permitted = {facts["FunctionName"]["Ref"] for facts in translated.properties("AWS::Lambda::Permission").values()}
    assert invoked == dict.fromkeys(permitted, queue)


def test_alarms_tell_the_topic_and_say_what_to_do(deploy):
    stack = deploy(FailureEmail="a@example.com")
    alarms = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 5
    for alarm in alarms:
        assert alarm["AlarmActions"] == [stack.outputs["FailureTopicArn"]]
        assert len(alarm["AlarmDescription"]) > 50
        assert alarm["TreatMissingData"] == "notBreaching", "an idle stack is a healthy one"
        metrics = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
        for metric in metrics:
            assert metric["MetricName"] in AWS_METRICS[metric["Namespace"]]
            assert all(dimension["Value"] for dimension in metric["Dimensions"])
    sns = stack.aws.client("sns")
    assert [each["Endpoint"] for each in sns.list_subscriptions()["Subscriptions"]] == ["a@example.com"]
    # CloudWatch can't use the aws/sns key: an encrypted topic would never receive an alarm
    assert not sns.get_topic_attributes(TopicArn=stack.outputs["FailureTopicArn"])["Attributes"].get("KmsMasterKeyId")


@pytest.fixture
def told(deploy):
    """The stack, and the messages of its topic."""
    stack = deploy()
    sqs, sns = stack.aws.client("sqs"), stack.aws.client("sns")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stack.outputs["FailureTopicArn"], Protocol="sqs", Endpoint=arn)

    def message():
        received = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        return json.loads(received[0]["Body"])

    stack.message = message
    stack.report = lambda key: json.loads(
        until(lambda: body_of(stack.aws.client("s3"), stack.outputs["BucketName"], key))
    )
    return stack


def body_of(s3, bucket, key):
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def printed(stack):
    return [each.line for each in stack.activities if isinstance(each, StepLog)]


def test_a_failed_video_is_reported_told_and_counted_and_the_dashboard_shows_only_what_is_counted(told, capsys):
    s3, bucket = told.aws.client("s3"), told.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key="start/films/nothing.mkv", Body=b"")
    assert told.report("result/films/nothing.error.json")["error"] == "InvalidMediaEmpty"
    message = told.message()
    assert message["Subject"] == "av-workflow - InvalidMediaEmpty"
    assert "start/films/nothing.mkv" in message["Message"]

    until(lambda: any('"Failures"' in line for line in printed(told)))
    counted = set(emitted(printed(told)))
    assert {
        ("av-workflow", "VideosStarted", frozenset({"service"})),
        ("av-workflow", "StepFailed", frozenset({"service", "ran_on", "error"})),
        ("av-workflow", "StepSeconds", frozenset({"service", "ran_on"})),
        ("av-workflow", "Failures", frozenset({"service", "error"})),
    } <= counted
    observability.count_fallback("merge", "lambda")
    observability.count_work(segment_report(3))
    observability.count_work(MergeReport(media(1000, 1.5), step("merge"), None))
    counted |= set(emitted(capsys.readouterr().out.splitlines()))

    (name,) = [each["DashboardName"] for each in told.aws.client("cloudwatch").list_dashboards()["DashboardEntries"]]
    body = json.loads(told.aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])
    drawn = set(shown(body))
    own = {each for each in drawn if not each[0].startswith("AWS/")}
    assert own <= counted
    assert {metric for _, metric, _ in own} == {
        "Videos",
        "MediaSeconds",
        "Frames",
        "Failures",
        "Fallbacks",
        "StepSeconds",
    }
    for namespace, metric, _ in drawn - own:
        assert metric in AWS_METRICS[namespace]
    text = json.dumps(body)
    assert text.count(":alarm:") == 5
    assert "/aws/events/av-workflow-jobs" in text


@pytest.mark.parametrize(
    ("status", "error", "named"),
    [
        ("TIMED_OUT", None, "ExecutionTimedOut"),
        ("ABORTED", None, "ExecutionAborted"),
        ("FAILED", "States.Runtime", "Runtime"),
        ("FAILED", "Unreported.FFmpegFailed", "FFmpegFailed"),
    ],
)
def test_an_execution_that_ends_without_a_word_is_reported_and_told(told, status, error, named):
    video = {"bucket": told.outputs["BucketName"], "key": "start/a.mkv", "execution": "a-mkv-1"}
    detail = {
        "stateMachineArn": told.outputs["StateMachineArn"],
        "executionArn": told.outputs["StateMachineArn"].replace("stateMachine", "execution") + ":a-mkv-1",
        "name": "a-mkv-1",
        "status": status,
        "input": json.dumps({"video": video}),
        "inputDetails": {"included": True},
        "output": None,
        "error": error,
        "cause": None,
    }
    told.aws.events.publish(new_event("aws.states", "Step Functions Execution Status Change", detail, []))
    report = told.report("result/a.error.json")
    assert (report["error"], report["execution"]) == (named, "a-mkv-1")
    assert report["advice"]
    message = told.message()["Message"]
    assert f"the execution a-mkv-1 ended with the status {status} before it reported an error." in message


@pytest.mark.parametrize(("status", "error"), [("SUCCEEDED", None), ("FAILED", "InvalidMediaEmpty")])
def test_what_has_reported_itself_is_not_reported_twice(deploy, status, error):
    stack = deploy()
    detail = {"stateMachineArn": stack.outputs["StateMachineArn"], "name": "n", "status": status, "error": error}
    stack.aws.events.publish(new_event("aws.states", "Step Functions Execution Status Change", detail, []))
    time.sleep(1)  # a report would have started by now
    assert not [each for each in stack.activities if "Failed" in each.name]


def test_what_batch_says_of_a_job_that_cannot_start_is_kept(deploy):
    stack = deploy()
    (queue,) = [each["jobQueueArn"] for each in stack.aws.batch.queues() if "Spot" in each["jobQueueName"]]
    reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
    detail = {"jobName": "yolov3-a", "jobQueue": queue, "status": "RUNNABLE", "statusReason": reason}
    stack.aws.events.publish(new_event("aws.batch", "Batch Job Queue Blocked", detail, []))
    stack.aws.events.publish(new_event("aws.batch", "Batch Job Queue Blocked", {**detail, "jobQueue": "other"}, []))
    logs = stack.aws.client("logs")
    kept = until(lambda: logs.filter_log_events(logGroupName="/aws/events/av-workflow-jobs")["events"])
    assert [json.loads(each["message"])["detail"]["statusReason"] for each in kept] == [reason]
