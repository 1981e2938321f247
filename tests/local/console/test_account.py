"""What the console says of a real account's refusals.

The answers are written by hand, in the shapes that AWS documents (API Reference of each service, "Common Errors").
They go through boto3 as if AWS had sent them.
"""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from avflow_cli.console import served
from avflow_cli.console.aws import Aws
from avflow_cli.console.server import Console

ACCOUNT = "eu-west-1:111122223333"
MACHINE = f"arn:aws:states:{ACCOUNT}:stateMachine:films"
EXECUTION = f"arn:aws:states:{ACCOUNT}:execution:films:film"
EXPRESS = f"arn:aws:states:{ACCOUNT}:express:fast:film:0a1b"
DENIED = (
    "User: arn:aws:iam::111122223333:user/me is not authorized to perform: states:{} on resource: "
    "arn:aws:states:eu-west-1:111122223333:stateMachine:films because no identity-based policy allows the action"
)
RUNS = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "name": "film", "status": "RUNNING", "startDate": 1.7e9}
ENTERED = {"timestamp": 1.7e9, "type": "ExecutionStarted", "id": 1, "previousEventId": 0}
PASS = {"Type": "Pass", "End": True}
GOOD = {
    "ListStateMachines": {"stateMachines": []},
    "DescribeExecution": RUNS,
    "DescribeStateMachineForExecution": {
        "stateMachineArn": MACHINE, "name": "films", "roleArn": "arn:aws:iam::111122223333:role/r", "updateDate": 1.7e9,
        "definition": json.dumps({"StartAt": "P", "States": {"P": PASS}}),
    },
    "GetExecutionHistory": {"events": [ENTERED]},
    "ListExecutions": {"executions": []},
}  # fmt: skip


def refusal(code, message=""):
    return {"__type": code, "message": message}


class Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, body):
        self._body = body

    def stream(self, **_):
        yield self._body


class Account:
    """A console of an account whose Step Functions gives these answers, by the name of the action."""

    def __init__(self):
        self.answers, self.asked = dict(GOOD), []
        session = boto3.Session("AKIDEXAMPLE", "secret", region_name="eu-west-1")
        client = session.client("stepfunctions", config=Config(retries={"total_max_attempts": 1}))
        client.meta.events.register("before-send", self._send)
        self.console = Console(Aws(lambda _: client, MACHINE, "bucket"), may_write=False, poll=0.1, title="films")

    def _send(self, request, **_):
        action = request.headers["X-Amz-Target"].decode().partition(".")[2]
        asked = json.loads(request.body)
        self.asked.append((action, asked))
        answer = self.answers[action]
        found = answer(asked) if callable(answer) else answer
        status = 400 if "__type" in found else 200
        kind = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, status, kind, Raw(json.dumps(found).encode()))


@pytest.fixture
def account():
    found = Account()
    with served(found.console, 0) as address:
        port = int(address.partition("/_console")[0].rpartition(":")[2])

        def ask(name, /, **query):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            given = {"Authorization": f"Bearer {found.console.token}"}
            connection.request("GET", f"/_console/api/{name}?{urlencode(query)}", headers=given)
            return connection.getresponse()

        found.ask = ask
        yield found


def said(account, name, **query):
    answer = account.ask(name, **query)
    return answer.status, json.load(answer)["error"]


@pytest.mark.parametrize(
    ("action", "answer", "name", "query", "status", "words"),
    [
        ("ListExecutions", refusal("ThrottlingException", "Rate exceeded"), "executions", {}, 503,
         "AWS is busy: ListExecutions was throttled. Try again in a minute."),
        ("ListExecutions", refusal("AccessDeniedException", DENIED.format("ListExecutions")), "executions", {}, 502,
         "Your credentials may not do states:ListExecutions. Ask for this permission"),
        ("ListExecutions", refusal("ExpiredTokenException", "The security token included in the request is expired"),
         "executions", {}, 502, "Your credentials have expired. Run `aws sso login`, or get new ones as you got these. "
         "Then start the console again."),
        ("ListExecutions", refusal("StateMachineTypeNotSupported", "This operation is not supported by this type of "
         "state machine"), "executions", {}, 502, "This is an EXPRESS state machine."),
        ("ListExecutions", refusal("InvalidToken", "Invalid Token: 'x'"), "executions", {"more": "x"}, 502,
         "This page of the list is too old."),
        ("DescribeExecution", refusal("ExecutionDoesNotExist", f"Execution Does Not Exist: '{EXECUTION}'"),
         "execution", {"arn": EXECUTION}, 502, "AWS forgets an execution 90 days after its end."),
        ("DescribeExecution", refusal("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'"),
         "execution", {"arn": EXPRESS}, 502, "This is an EXPRESS state machine."),
        ("DescribeExecution", refusal("KmsThrottlingException", "KMS says no"), "execution", {"arn": EXECUTION}, 502,
         "DescribeExecution: KmsThrottlingException: KMS says no."),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence_with_what_to_do(account, action, answer, name, query, status, words):
    account.answers[action] = answer
    assert said(account, name, **query)[0] == status
    assert words in said(account, name, **query)[1]


def test_the_stream_says_the_same(account):
    account.answers["GetExecutionHistory"] = refusal("AccessDeniedException", DENIED.format("GetExecutionHistory"))
    told = account.ask("live", arn=EXECUTION).read().decode()
    assert told.startswith("event: failure\n")
    assert "Your credentials may not do states:GetExecutionHistory." in told


def test_who_may_not_see_the_definition_still_sees_the_rest(account):
    account.answers["DescribeStateMachineForExecution"] = refusal(
        "AccessDeniedException", DENIED.format("DescribeStateMachineForExecution")
    )
    found = json.load(account.ask("execution", arn=EXECUTION))
    assert (found["name"], found["status"], found["graph"]) == ("film", "RUNNING", None)
    assert "The graph can't be drawn. Your credentials may not do states:DescribeStateMachine" in found["why"]
    assert [each["type"] for each in json.load(account.ask("events", arn=EXECUTION, after=0))["events"]] == [
        "ExecutionStarted"
    ]


def test_who_may_not_list_state_machines_has_that_of_the_stack(account):
    account.answers["ListStateMachines"] = refusal("AccessDeniedException", DENIED.format("ListStateMachines"))
    assert json.load(account.ask("account"))["machines"] == [{"arn": MACHINE, "name": "films"}]


def test_pages_of_the_list_are_asked_for_with_awss_token(account):
    row = {key: RUNS[key] for key in ("executionArn", "stateMachineArn", "name", "status", "startDate")}
    tokens = {None: "second", "second": "third", "third": None}

    def page(asked):
        more = tokens[asked.get("nextToken")]
        return {"executions": [{**row, "name": f"film-{more}"}], **({"nextToken": more} if more else {})}

    account.answers["ListExecutions"] = page
    first = json.load(account.ask("executions"))
    assert (first["more"], [each["name"] for each in first["rows"]]) == ("second", ["film-second"])
    assert json.load(account.ask("executions", more="third"))["more"] is None
    found = json.load(account.ask("executions", name="film-t"))  # an empty answer with a token is not the end
    assert [each["name"] for each in found["rows"]] == ["film-third"]


def test_a_history_is_read_through_all_its_pages_once(account):
    def page(asked):
        last = int(asked.get("nextToken", 450))
        events = [{**ENTERED, "id": number} for number in range(last, max(0, last - asked["maxResults"]), -1)]
        more = events[-1]["id"] - 1
        return {"events": events, **({"nextToken": str(more)} if more else {})}

    account.answers["GetExecutionHistory"] = page
    found = json.load(account.ask("events", arn=EXECUTION, after=0))
    assert (found["all"], [each["id"] for each in found["events"]]) == (450, list(range(1, 451)))
    before = len(account.asked)
    json.load(account.ask("events", arn=EXECUTION, after=400))
    assert len([each for each in account.asked[before:] if each[0] == "GetExecutionHistory"]) <= 1
