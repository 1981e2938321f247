"""Groups, streams and events as the AWS CLI and programs read them."""

import uuid

import pytest
from botocore.exceptions import ClientError

from local_aws.logs.filters import matcher
from local_aws.logs.store import Entry, LogStore
from local_aws.wire import ServiceError


@pytest.fixture(scope="module")
def logs(bench):
    return bench.aws.client("logs")


@pytest.fixture
def group(logs):
    name = f"/tests/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    yield name
    logs.delete_log_group(logGroupName=name)


@pytest.fixture
def filled(logs, group):
    """Two streams with events 0 to 9, in turn."""
    for stream in ("even", "odd"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for number in range(10):
        event = {"timestamp": 1_000_000 + number * 100, "message": f"event {number}"}
        stream = "odd" if number % 2 else "even"
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    return group


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def texts(answer):
    return [int(event["message"].split()[1]) for event in answer["events"]]


def test_groups_are_found_by_their_beginning_and_by_a_part(logs, group):
    named = [each["logGroupName"] for each in logs.describe_log_groups(logGroupNamePrefix="/tests/")["logGroups"]]
    assert group in named
    found = logs.describe_log_groups(logGroupNamePattern=group[-10:].upper())["logGroups"]
    assert [each["logGroupName"] for each in found] == [group]
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert (described["retentionInDays"], described["arn"].endswith(f"log-group:{group}:*")) == (7, True)
    assert code_of(logs.create_log_group, logGroupName=group) == "ResourceAlreadyExistsException"
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1})
    assert group in [each["logGroupName"] for page in pages for each in page["logGroups"]]


def test_what_is_not_there_has_its_error(logs, group):
    for call in (logs.describe_log_streams, logs.filter_log_events):
        assert code_of(call, logGroupName="/none") == "ResourceNotFoundException"
    assert code_of(logs.get_log_events, logGroupName=group, logStreamName="s") == "ResourceNotFoundException"
    assert code_of(logs.get_log_events, logGroupName="/none", logStreamName="s") == "ResourceNotFoundException"
    assert code_of(logs.start_query, logGroupName=group, startTime=0, endTime=1, queryString="fields @message") == (
        "UnknownOperationException"
    )


def test_a_stream_is_read_forwards_and_backwards(logs, filled):
    stream = {"logGroupName": filled, "logStreamName": "even"}
    assert texts(logs.get_log_events(**stream, limit=2)) == [6, 8], "the newest events"
    first = logs.get_log_events(**stream, limit=2, startFromHead=True)
    second = logs.get_log_events(**stream, limit=2, nextToken=first["nextForwardToken"])
    assert (texts(first), texts(second)) == ([0, 2], [4, 6])
    assert texts(logs.get_log_events(**stream, nextToken=second["nextBackwardToken"])) == [0, 2]
    rest = logs.get_log_events(**stream, nextToken=second["nextForwardToken"])
    end = logs.get_log_events(**stream, nextToken=rest["nextForwardToken"])
    assert (texts(end), end["nextForwardToken"]) == ([], rest["nextForwardToken"]), "the same token at the end"
    logs.put_log_events(**stream, logEvents=[{"timestamp": 2_000_000, "message": "event 99"}])
    assert texts(logs.get_log_events(**stream, nextToken=end["nextForwardToken"])) == [99]
    assert texts(logs.get_log_events(**stream, startTime=1_000_200, endTime=1_000_600)) == [2, 4]
    assert code_of(logs.get_log_events, **stream, nextToken="x") == "InvalidParameterException"


def test_events_of_all_streams_are_in_order(logs, filled):
    assert texts(logs.filter_log_events(logGroupName=filled)) == list(range(10))
    assert texts(logs.filter_log_events(logGroupName=filled, logStreamNames=["odd"])) == [1, 3, 5, 7, 9]
    assert texts(logs.filter_log_events(logGroupName=filled, logStreamNamePrefix="ev")) == [0, 2, 4, 6, 8]
    assert texts(logs.filter_log_events(logGroupName=filled, startTime=1_000_800)) == [8, 9]
    assert texts(logs.filter_log_events(logGroupName=filled, filterPattern='"event 3"')) == [3]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=filled, PaginationConfig={"PageSize": 3})
    events = [event for page in pages for event in page["events"]]
    assert len({event["eventId"] for event in events}) == 10


def test_streams_are_listed_by_name_and_by_time(logs, filled):
    def names(**how):
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=filled, **how)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert names() == ["even", "odd"]
    assert names(orderBy="LastEventTime", descending=True) == ["odd", "even"]
    assert names(logStreamNamePrefix="o") == ["odd"]
    logs.delete_log_stream(logGroupName=filled, logStreamName="odd")
    assert names(PaginationConfig={"PageSize": 1}) == ["even"]
    assert texts(logs.filter_log_events(logGroupName=filled)) == [0, 2, 4, 6, 8]


LINE = '{"level": "ERROR", "seconds": 2.5, "step": {"name": "merge", "parts": [1, 7]}, "done": true, "left": null}'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True), ("ERROR", True), ("error", False), ("ERROR merge", True), ("ERROR none", False),
        ("?none ?merge", True), ("?none ?nothing", False), ("ERROR -merge", False), ('"name\\": \\"merge"', True),
        ("%E[R]+OR%", True), ("%^ERROR%", False),
        ('{ $.level = "ERROR" }', True), ('{$.level="WARN"}', False), ('{ $.level != "WARN" }', True),
        ('{ $.level = "ERR*" }', True), ("{ $.seconds > 2 }", True), ("{ $.seconds >= 2.6 }", False),
        ("{ $.seconds = 2.5 }", True), ('{ $.step.name = "merge" && $.seconds < 2 }', False),
        ('{ ($.step.name = "merge" || $.none = 1) && $.step.parts[1] = 7 }', True), ("{ $.none = 1 }", False),
        ("{ $.left IS NULL }", True), ("{ $.done IS TRUE }", True), ("{ $.none NOT EXISTS }", True),
    ],
)  # fmt: skip
def test_filter_patterns(pattern, matches):
    assert matcher(pattern)(LINE) is matches
    if pattern.startswith("{"):
        assert not matcher(pattern)("not JSON")


@pytest.mark.parametrize(
    "pattern", ["{", "{ $.a }", "{ a = 1 }", "{ $.a = }", "{ $.a = 1 ) }", '"open', "%(%", "[a, b]"]
)
def test_a_pattern_that_is_not_valid_is_refused(logs, group, pattern):
    assert code_of(logs.filter_log_events, logGroupName=group, filterPattern=pattern) == "InvalidParameterException"
    with pytest.raises(ServiceError):
        matcher(pattern)


def test_events_are_there_after_a_restart(tmp_path):
    store = LogStore(tmp_path / "logs.sqlite")
    store.append(Entry("g", "s", 5, "first"))
    store.close()
    store.append(Entry("g", "s", 6, "too late"))
    store.flush()
    again = LogStore(tmp_path / "logs.sqlite")
    assert [row["message"] for row in again.rows("SELECT message FROM events")] == ["first"]
    again.close()
