"""What the console's page gets, and what it has done, over HTTP."""

import http.client
import json
import uuid

import pytest

from avflow_cli.console import served
from avflow_cli.console.aws import ROWS, Aws
from avflow_cli.console.server import Console
from tests.local.access.conftest import Raw
from tests.waiting import until

HOSTILE = "<script>alert(1)</script> ${1} \u2028.mkv"


def started(bench, console, name=None, data=None):
    found = bench.states.start_execution(
        stateMachineArn=console.machine, name=name or f"e-{uuid.uuid4().hex}", input=json.dumps(data or {})
    )["executionArn"]
    bench.finish(found)
    return found


def test_the_list_has_pages_and_filters(bench, console):
    arns = [started(bench, console, f"film-{number:03}") for number in range(ROWS + 3)]
    other = started(bench, console, "Holiday")
    first = console.ask("executions").json
    assert [row["arn"] for row in first["rows"]][:2] == [other, arns[-1]]
    assert len(first["rows"]) == ROWS
    second = console.ask("executions", more=first["more"]).json
    assert {row["arn"] for row in first["rows"] + second["rows"]} >= {*arns, other}
    assert second["more"] is None
    assert [row["arn"] for row in console.ask("executions", name="holi").json["rows"]] == [other]
    assert console.ask("executions", status="FAILED").json["rows"] == []
    row = console.ask("executions", name="Holiday", status="SUCCEEDED").json["rows"][0]
    assert (row["name"], row["status"]) == ("Holiday", "SUCCEEDED")
    assert row["started"] <= row["ended"]


def test_an_execution_has_its_graph_its_events_and_its_states(bench, console):
    arn = started(bench, console, data={"a": 1})
    found = console.ask("execution", arn=arn).json
    assert (found["status"], json.loads(found["input"]), found["graph"]["start"]) == ("SUCCEEDED", {"a": 1}, "P")
    events = console.ask("events", arn=arn, after=0).json
    assert [each["type"] for each in events["events"]] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert [each["state"] for each in events["events"]][:3] == ["", "P", "P"]
    assert [each["id"] for each in console.ask("events", arn=arn, after=2).json["events"]] == [3, 4]
    assert console.ask("event", arn=arn, id=2).json["stateEnteredEventDetails"]["name"] == "P"
    state = console.ask("state", arn=arn, id=2).json
    assert (state["name"], json.loads(state["input"]), state["status"]) == ("P", {"a": 1}, "SUCCEEDED")


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("execution", {}, 400),
        ("execution", {"arn": "arn:aws:states:us-east-1:123456789012:execution:shown:none"}, 502),
        ("execution", {"arn": "no ARN"}, 502),
        ("executions", {"machine": "arn:aws:states:us-east-1:123456789012:stateMachine:none"}, 502),
        ("state", {"arn": "{arn}", "id": "99"}, 404),
        ("state", {"arn": "{arn}", "id": "x"}, 400),
        ("state", {"arn": "{arn}", "id": "²"}, 400),
        ("event", {"arn": "{arn}", "id": "99"}, 404),
        ("log", {"arn": "{arn}", "id": "2", "try": "0"}, 404),
        ("nothing", {}, 404),
    ],
)
def test_a_wrong_request_gets_a_sentence(bench, console, name, query, status):
    arn = started(bench, console)
    answer = console.ask(name, **{key: value.format(arn=arn) for key, value in query.items()})
    assert answer.status == status
    assert answer.json["error"]


def events_of(console, name, **query):
    """The events of a stream until it ends."""
    connection = http.client.HTTPConnection("127.0.0.1", console.raw.port, timeout=60)
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    connection.request(
        "GET", f"/_console/api/{name}?{asked}", headers={"Authorization": f"Bearer {console.page.token}"}
    )
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    kind = ""
    for line in answer:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            kind = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield kind, json.loads(text.removeprefix("data: "))
    connection.close()


def test_the_stream_of_an_execution_tells_each_change_and_ends_with_it(bench, console, tmp_path):
    arn = bench.start(bench.invoke("hold", until=str(tmp_path / "go")))
    told = []
    for kind, data in events_of(console, "live", arn=arn):
        told.append((kind, data))
        if kind == "runs" and data[-1]["tries"] == 1:
            (tmp_path / "go").touch()
    statuses = [run["status"] for kind, data in told if kind == "runs" for run in data if run["name"] == "T"]
    assert (statuses[0], statuses[-1]) == ("RUNNING", "SUCCEEDED")
    assert [data["status"] for kind, data in told if kind == "execution"] == ["RUNNING", "SUCCEEDED"]
    assert told[-1][0] == "end"


def test_the_stream_of_a_list_tells_a_new_execution(bench, console):
    stream = events_of(console, "live-list")
    _, first = next(stream)
    arn = started(bench, console, f"new-{uuid.uuid4().hex}")
    assert arn not in {row["arn"] for row in first["rows"]}
    while arn not in {row["arn"] for row in next(stream)[1]["rows"]}:
        pass
    stream.close()


# ---------------------------------------------------------------- what changes something
def test_an_upload_is_stored_whole_below_start(bench, console):
    body = bytes(range(256)) * 40_000  # more than a part of a multipart upload
    for name in ("films/ä 🎬.mkv", HOSTILE):
        answer = console.ask("upload", "PUT", body, name=name)
        assert answer.json == {"key": f"start/{name}"}
        stored = bench.aws.client("s3").get_object(Bucket=console.bucket, Key=f"start/{name}")
        assert stored["Body"].read() == body


@pytest.mark.parametrize("name", ["", "a//b", "../a", "a/./b", "/a", "a/", "x" * 2000])
def test_a_name_that_cannot_be_an_uploads_is_refused(console, name):
    assert console.ask("upload", "PUT", b"x", name=name).status in (400, 409)


def test_an_upload_that_breaks_off_leaves_nothing(bench, console):
    head = (
        f"PUT /_console/api/upload?name=cut.mkv HTTP/1.1\r\nHost: 127.0.0.1:{console.raw.port}\r\n"
        f"Authorization: Bearer {console.page.token}\r\nContent-Length: 1000\r\n\r\n"
    )
    answer = console.raw.bytes(head.encode() + b"x" * 10)
    assert answer.status == 502
    assert b"interrupted" in answer.body
    listed = bench.aws.client("s3").list_objects_v2(Bucket=console.bucket, Prefix="start/cut.mkv")
    assert listed["KeyCount"] == 0


def test_stop_stops(bench, console):
    arn = bench.start({"Type": "Wait", "Seconds": 3600})
    assert console.ask("stop", "POST", arn=arn).status == 200
    found = bench.states.describe_execution(executionArn=arn)
    assert (found["status"], found["error"]) == ("ABORTED", "Stopped")


def test_a_failed_execution_goes_on_where_it_failed(bench, console):
    arn = bench.start({"Type": "Fail", "Error": "Bad"})
    bench.finish(arn)
    assert "goes on" in console.ask("again", "POST", arn=arn).json["done"]
    until(lambda: bench.states.describe_execution(executionArn=arn).get("redriveCount") == 1)


def test_a_finished_one_processes_its_upload_again_with_its_metadata(bench, console):
    s3, key = bench.aws.client("s3"), f"start/{uuid.uuid4().hex}.mkv"
    version = s3.put_object(Bucket=console.bucket, Key=key, Body=b"film", Metadata={"avflow-classes": "dog"})
    video = {"bucket": console.bucket, "key": key, "version_id": version.get("VersionId")}
    arn = started(bench, console, data={"video": video})
    before = s3.head_object(Bucket=console.bucket, Key=key)
    assert "anew" in console.ask("again", "POST", arn=arn).json["done"]
    after = s3.get_object(Bucket=console.bucket, Key=key)
    assert (after["Body"].read(), after["Metadata"]) == (b"film", {"avflow-classes": "dog"})
    assert after["LastModified"] >= before["LastModified"]
    assert after.get("VersionId") != before.get("VersionId") or "VersionId" not in before


def test_an_execution_without_an_upload_says_that_it_cannot_start_again(bench, console):
    arn = started(bench, console, data={"video": {"bucket": "another", "key": "start/a.mkv"}})
    answer = console.ask("again", "POST", arn=arn)
    assert (answer.status, "names no upload" in answer.json["error"]) == (409, True)
    gone = started(bench, console, data={"video": {"bucket": console.bucket, "key": "start/gone.mkv"}})
    answer = console.ask("again", "POST", arn=gone)
    assert (answer.status, "not there any more" in answer.json["error"]) == (409, True)


def test_the_results_are_those_of_the_execution_with_links_that_work(bench, console):
    s3, base = bench.aws.client("s3"), f"result/{uuid.uuid4().hex}"
    for suffix in (".html", ".mp4", ".json", ".other", "-2.json"):
        s3.put_object(Bucket=console.bucket, Key=base + suffix, Body=suffix.encode())
    arn = started(bench, console, data={"video": {"bucket": console.bucket, "base": base}})
    found = {each["name"].removeprefix(base.removeprefix("result/")): each for each in
             console.ask("results", arn=arn).json}  # fmt: skip
    assert set(found) == {".html", ".mp4", ".json"}
    assert found[".mp4"]["size"] == 4
    page, _, fragment = found[".html"]["link"].partition("#")
    assert fragment.startswith("video=http")
    assert console.raw("GET", page.removeprefix(bench.aws.url), {}).body == b".html"
    elsewhere = started(bench, console, data={"video": {"bucket": "another", "base": base}})
    assert console.ask("results", arn=elsewhere).json == []


def test_results_are_found_among_a_thousand_objects_of_like_names(bench, console):
    s3, base = bench.aws.client("s3"), f"result/{uuid.uuid4().hex}"
    for number in range(1001):
        s3.put_object(Bucket=console.bucket, Key=f"{base}-{number}.avi", Body=b"")
    s3.put_object(Bucket=console.bucket, Key=f"{base}.avi", Body=b"film")
    arn = started(bench, console, data={"video": {"bucket": console.bucket, "base": base}})
    assert [each["size"] for each in console.ask("results", arn=arn).json] == [4]


# ---------------------------------------------------------------- read only
@pytest.fixture
def reading(bench, console):
    """A console of its own server that only reads, as `avflow console` has it."""
    only = Console(Aws(bench.aws.client, console.machine, console.bucket), may_write=False, poll=0.2, title="a stack")
    with served(only, 0) as address:
        url, _, token = address.partition("#")
        assert token == only.token
        yield Raw(url.removesuffix("/_console/")), {"Authorization": f"Bearer {token}"}


def test_a_console_that_only_reads_changes_nothing(bench, reading):
    raw, token = reading
    arn = bench.start({"Type": "Wait", "Seconds": 3600})
    assert json.loads(raw("GET", "/_console/api/account", token).body)["mayWrite"] is False
    for method, name in (("POST", f"stop?arn={arn}"), ("POST", f"again?arn={arn}"), ("PUT", "upload?name=a.mkv")):
        answer = raw(method, f"/_console/api/{name}", token, b"x")
        assert answer.status == 403
        assert b"--write" in answer.body
    assert bench.states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    assert json.loads(raw("GET", f"/_console/api/execution?arn={arn}", token).body)["status"] == "RUNNING"
    bench.states.stop_execution(executionArn=arn)


def test_its_server_answers_nothing_else(reading):
    raw, _ = reading
    assert raw("GET", "/bucket/key", {}).status == 404
    assert raw("GET", "/_console/", {"Sec-Fetch-Site": "cross-site"}).status == 403
