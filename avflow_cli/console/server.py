"""The console's web server: a WSGI application with the page, what the page asks for, and what it wants done.

Whoever may call it is checked twice. `local_aws.callers` lets no page of another origin through. And each request but
those for the page's own files, which hold nothing, has to carry the token. The token stands in the printed address
behind `#`. A browser sends that part to no server, and no other page can read it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from importlib import resources
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse

from botocore.exceptions import BotoCoreError, ClientError

from avflow_cli.console.aws import Aws, NotPossible
from avflow_cli.console.body import Body
from avflow_cli.console.execution import Execution, Executions
from avflow_cli.console.logs import log_of
from avflow_cli.console.streams import Streams
from avflow_cli.console.words import passes, sentence
from avflow_cli.events import STATUSES
from local_aws.callers import PAGE_PATH

#: no script, style or address but the server's own (W3C, "Content Security Policy Level 3")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",  # a page that has opened this one, or is opened by it, holds no handle
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "txt": "text/plain"}
_FILES = {
    each.name: each
    for each in resources.files("avflow_cli.console").joinpath("page").iterdir()
    if each.name.rpartition(".")[2] in _TYPES
}
_UNKNOWN = (
    "This address has no valid token; each start of the server may make a new one. Open the one that was printed."
)
#: most events in one answer
_EVENTS = 500
Query = Mapping[str, str]


class _Refused(Exception):
    """A request that is not answered; its status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Console:
    """The application.

    Parameters
    ----------
    aws:
        The account.
    may_write:
        Whether uploads, stops and new starts are possible.
    poll:
        Seconds between two looks at an execution that a page shows.
    title:
        What the page calls the account.
    token:
        What a page has to show; a new one if left out.
    """

    def __init__(self, aws: Aws, *, may_write: bool, poll: float, title: str, token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._aws, self._may_write, self._title = aws, may_write, title
        self._poll = poll
        self._executions = Executions(lambda: aws.states)
        self._streams = Streams(aws, self._executions, poll)
        self._gets: dict[str, Callable[[Query], Any]] = {
            "account": self._account,
            "executions": self._list,
            "execution": self._execution,
            "state": self._state,
            "events": self._events,
            "event": self._event,
            "log": self._log,
            "results": lambda query: [asdict(each) for each in aws.results(self._of(query).describe())],
        }
        self._posts: dict[str, Callable[[Query], Any]] = {
            "stop": lambda query: aws.stop(_needed(query, "arn")),
            "again": lambda query: aws.start_again(_needed(query, "arn")),
        }

    @property
    def path(self) -> str:
        """The path of the page with the token, behind the server's address."""
        return f"{PAGE_PATH}#{self.token}"

    def close(self) -> None:
        """End the streams."""
        self._streams.close()

    # ------------------------------------------------------------ requests
    @staticmethod
    def nothing_else(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """What a server with the console alone answers outside of `PAGE_PATH`."""
        return _json({"error": "There is nothing here."}, start_response, 404)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request for a path below `PAGE_PATH`."""
        name = str(environ["PATH_INFO"]).removeprefix(PAGE_PATH)
        try:
            if not name.startswith("api/"):
                return _file(environ, name or "index.html", start_response)
            self._authorize(environ)
            query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
            return self._answer(environ, name.removeprefix("api/"), query, start_response)
        except _Refused as refused:
            return _json({"error": str(refused)}, start_response, refused.status)
        except NotPossible as error:
            return _json({"error": str(error)}, start_response, 409)
        except (ClientError, BotoCoreError, OSError) as error:
            return _json({"error": sentence(error, self._aws.region)}, start_response, 503 if passes(error) else 502)

    def _authorize(self, environ: Mapping[str, Any]) -> None:
        given = str(environ.get("HTTP_AUTHORIZATION", "")).removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(errors="replace"), self.token.encode()):
            raise _Refused(401, _UNKNOWN)

    def _answer(
        self, environ: dict[str, Any], name: str, query: Query, start_response: StartResponse
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method == "GET" and name in self._gets:
            return _json(self._gets[name](query), start_response)
        if method == "GET" and name in ("live", "live-list"):
            return self._live(name, query, start_response)
        if (method, name) != ("PUT", "upload") and (method != "POST" or name not in self._posts):
            raise _Refused(404, "There is nothing here.")
        if not self._may_write:
            raise _Refused(403, "This console only reads. `avflow console --write` also changes things.")
        if method == "PUT":
            return _json({"key": self._aws.upload(_needed(query, "name"), Body(environ))}, start_response)
        return _json({"done": self._posts[name](query)}, start_response)

    def _live(self, name: str, query: Query, start_response: StartResponse) -> Iterator[bytes]:
        if name == "live":
            stream = self._streams.of_execution(_needed(query, "arn"))
        else:
            stream = self._streams.of_list(self._machine(query), query.get("status"), query.get("name", ""))
        start_response("200 OK", [*_HEADERS.items(), ("Content-Type", "text/event-stream; charset=utf-8")])
        return stream

    # ------------------------------------------------------------ answers
    def _machine(self, query: Query) -> str:
        return query.get("machine") or self._aws.machine

    def _of(self, query: Query) -> Execution:
        return self._executions.get(_needed(query, "arn"))

    def _account(self, query: Query) -> dict[str, Any]:
        del query
        return {
            "title": self._title,
            "mayWrite": self._may_write,
            "bucket": self._aws.bucket,
            "machines": self._aws.machines(),
            "statuses": STATUSES,
        }

    def _list(self, query: Query) -> dict[str, Any]:
        rows = self._aws.executions(self._machine(query), query.get("status"), query.get("name", ""), query.get("more"))
        return asdict(rows)

    def _execution(self, query: Query) -> dict[str, Any]:
        execution = self._of(query)
        described = execution.describe()
        try:
            graph, why = asdict(execution.graph()), None
        except ClientError as error:  # without it, there are still the events and the results
            if passes(error):
                raise
            graph, why = None, f"The graph can't be drawn. {sentence(error, self._aws.region)}"
        return {**shown(described), "graph": graph, "why": why}

    def _state(self, query: Query) -> dict[str, Any]:
        execution = self._of(query)
        execution.refresh(self._poll)
        run = execution.runs.by_id.get(_number(query, "id"))
        if run is None:
            raise _Refused(404, "There is no such state.")
        tries = [
            {
                "service": each.service,
                "resource": each.resource,
                "began": each.began.timestamp(),
                "ended": each.ended.timestamp() if each.ended else None,
                "parameters": each.parameters,
                "output": each.output,
                "error": each.error,
                "cause": each.cause,
                "job": each.job,
            }
            for each in run.attempts
        ]
        return {
            **execution.summary(run),
            "input": run.input,
            "output": run.output,
            "cause": run.cause,
            "attempts": tries,
        }

    def _events(self, query: Query) -> dict[str, Any]:
        execution, after = self._of(query), _number(query, "after")
        execution.refresh(self._poll)
        found = execution.events[after : after + _EVENTS]
        rows = [
            {
                "id": event["id"],
                "type": event["type"],
                "time": event["timestamp"].timestamp(),
                "before": event.get("previousEventId", 0),
                "state": execution.runs.names.get(event["id"], ""),
            }
            for event in found
        ]
        return {"events": rows, "all": len(execution.events)}

    def _event(self, query: Query) -> dict[str, Any]:
        execution, number = self._of(query), _number(query, "id")
        execution.refresh(self._poll)
        if not 1 <= number <= len(execution.events):
            raise _Refused(404, "There is no such event.")
        return json.loads(json.dumps(execution.events[number - 1], default=str))  # type: ignore[no-any-return]

    def _log(self, query: Query) -> dict[str, Any]:
        execution, number = self._of(query), _number(query, "try")
        execution.refresh(self._poll)
        run = execution.runs.by_id.get(_number(query, "id"))
        if run is None or not 0 <= number < len(run.attempts):
            raise _Refused(404, "There is no such try.")
        name = execution.arn.rpartition(":")[2]
        return asdict(log_of(self._aws.client, run.attempts[number], name, _number(query, "child", 0)))


def shown(described: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of DescribeExecution's answer."""
    ended = described.get("stopDate")
    names = ("executionArn", "name", "status", "input", "output", "error", "cause", "redriveCount", "redriveStatus")
    return {name: described.get(name) for name in names} | {
        "started": described["startDate"].timestamp(),
        "ended": ended.timestamp() if ended else None,
    }


def _needed(query: Query, name: str) -> str:
    if not query.get(name):
        raise _Refused(400, f"{name} is missing.")
    return query[name]


def _number(query: Query, name: str, default: int | None = None) -> int:
    text = query.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _Refused(400, f"{name} is no number.")
    return int(text)


def _file(environ: Mapping[str, Any], name: str, start_response: StartResponse) -> list[bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or name not in _FILES:
        raise _Refused(404, "There is nothing here.")
    kind = _TYPES[name.rpartition(".")[2]]
    body = _FILES[name].read_bytes()
    headers = {**_HEADERS, "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
    start_response("200 OK", list(headers.items()))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _json(value: object, start_response: StartResponse, status: int = 200) -> list[bytes]:
    body = json.dumps(value).encode()
    headers = {**_HEADERS, "Content-Type": "application/json", "Content-Length": str(len(body))}
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [body]
