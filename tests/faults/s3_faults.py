"""Faults of S3, put between the embedded S3 and its clients: what a network, a busy or a broken S3 does to requests."""

from __future__ import annotations

import ctypes
import math
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.iam import ROLE
from local_aws.s3 import S3App, xmlio
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request
from local_aws.s3.operations import OPERATIONS, find

Environ = dict[str, Any]
#: seconds after which a stalled answer ends in any case; all clients give up before
_STALLED_SECONDS = 120.0
#: a slow answer: bytes, and the seconds between them
_SLOW_BYTES, _SLOW_SECONDS = 2048, 0.5
#: a kill "later" comes while the client works with the answer
_LATER_SECONDS = 0.1
_BEGUN, _DONE = "The rest does not come.", "As planned."
READS = frozenset({"GetObject", "HeadObject"})
ALL = frozenset({*(each.name for each in OPERATIONS.values())})
BODIES = frozenset({"GetObject"})
WRITES = frozenset({"PutObject", "CopyObject", "UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload"})


@dataclass(frozen=True)
class Answer:
    """What the embedded S3 answers."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """One way in which S3 fails.

    Parameters
    ----------
    name:
        As the page shows it.
    operations:
        The operations that it befalls.
    act:
        Answers the request in place of S3, from the answer that S3 gives. None as an answer: S3 was not asked.
    asked:
        Whether S3 does what the request says.
    always:
        Whether it befalls also requests that S3 refuses.
    """

    name: str
    operations: frozenset[str]
    act: Callable[[Environ, Answer | None, Callable[..., Any]], Iterable[bytes]]
    asked: bool = True
    always: bool = False


@dataclass(eq=False)
class Injection:
    """A fault for one upload in requests with one role: `times` after the first `skip`, of keys with `key` in them."""

    upload: str
    role: str
    fault: Fault
    times: float = math.inf
    key: str = ""
    skip: int = 0
    fired: int = 0

    def suits(self, path: str, role: str, operation: str) -> bool:
        """Whether it befalls this request."""
        named = self.upload in path and self.key in path
        return named and self.role in role and operation in self.fault.operations and self.fired < self.times


class FaultyS3:
    """The embedded S3 with faults."""

    def __init__(self, app: S3App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.injections: list[Injection] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        injection = self._planned(environ)
        if injection is None:
            return self._app(environ, start_response)
        if not injection.fault.asked:
            if environ["REQUEST_METHOD"] in ("PUT", "POST"):
                for _ in Request(environ).body():  # so that the client gets the answer, and no reset
                    pass
            return injection.fault.act(environ, None, start_response)
        answer = self._ask(environ)
        concerned = injection.fault.always or answer.status.startswith("2")
        if not (concerned and self._takes(injection)):
            start_response(answer.status, answer.headers)
            return [answer.body]
        return injection.fault.act(environ, answer, start_response)

    def _takes(self, injection: Injection) -> bool:
        with self._lock:
            befalls = injection.fired < injection.times
            injection.fired += befalls
        return befalls

    def _planned(self, environ: Environ) -> Injection | None:
        try:
            operation = find(Request(environ)).name
        except S3Error:
            return None
        path, role = environ["PATH_INFO"], environ.get(ROLE, "")
        with self._lock:
            found = next((each for each in self.injections if each.suits(path, role, operation)), None)
            if found and found.skip:
                found.skip -= 1
                return None
            if found and not found.fault.asked:
                found.fired += 1
        return found

    def _ask(self, environ: Environ) -> Answer:
        started: list[Any] = []
        body = self._app(environ, lambda *told: started.extend(told))
        try:
            read = b"".join(body)
        finally:
            if close := getattr(body, "close", None):
                close()
        return Answer(started[0], started[1], read)


# ------------------------------------------------------------ answers
def _refused(status: str, code: str) -> Callable[..., Iterable[bytes]]:
    def act(environ: Environ, _: Answer | None, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else xmlio.error_document(code, _DONE, [])
        start_response(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
        return [body]

    return act


def _begins(answer: Answer, start_response: Callable[..., Any]) -> bytes:
    """Send the head, with the length of the whole body; returns the first half of the body."""
    start_response(answer.status, answer.headers)
    return answer.body[: len(answer.body) // 2]


def _reset(environ: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterator[bytes]:
    yield _begins(answer, start_response)
    _abort(environ)
    raise ConnectionResetError(_BEGUN)


def _lost(environ: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterator[bytes]:
    """S3 has done it, and the answer gets lost."""
    _abort(environ)
    raise ConnectionResetError(_BEGUN)
    yield b""


def _abort(environ: Environ) -> None:
    """Reset the connection: on Linux a TCP socket that is connected to no address does that."""
    unspecified = ctypes.create_string_buffer(16)
    ctypes.CDLL(None).connect(environ["werkzeug.socket"].fileno(), unspecified, 16)


def _short(_: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterator[bytes]:
    yield _begins(answer, start_response)
    raise ConnectionAbortedError(_BEGUN)  # the server closes the connection


def _stalled(environ: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterator[bytes]:
    yield _begins(answer, start_response)
    select.select([environ["werkzeug.socket"]], [], [], _STALLED_SECONDS)  # until the client gives up
    raise ConnectionAbortedError(_BEGUN)


def _changed(_: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The body with one wrong bit, in front of its checksum."""
    start_response(answer.status, answer.headers)
    middle = len(answer.body) // 2
    return [answer.body[:middle], bytes([answer.body[middle] ^ 1]), answer.body[middle + 1 :]]


def _slow(_: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response(answer.status, answer.headers)
    for first in range(0, len(answer.body), _SLOW_BYTES):
        yield answer.body[first : first + _SLOW_BYTES]
        time.sleep(_SLOW_SECONDS)


def _wrong_etag(_: Environ, answer: Answer, start_response: Callable[..., Any]) -> Iterable[bytes]:
    others = [(name, value) for name, value in answer.headers if name.lower() != "etag"]
    start_response(answer.status, [*others, ("ETag", f'"{"0" * 32}"')])
    return [answer.body]


def kill_fault(when: str, kill: Callable[[], object]) -> Fault:
    """Kill the client "before" S3 does what it asks, "after" that, or a moment "later", when it has the answer."""

    def act(_: Environ, answer: Answer | None, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if when == "later":
            assert answer is not None, "S3 was asked"
            threading.Timer(_LATER_SECONDS, kill).start()
            start_response(answer.status, answer.headers)
            return [answer.body]
        kill()
        raise ConnectionAbortedError(_BEGUN)

    return Fault(f"kill {when} a request", ALL, act, when != "before", always=True)


def hold_fault(ended: threading.Event) -> Fault:
    """Give no answer until the client has been killed, so that a quick one does not end before."""

    def act(_: Environ, __: Answer | None, ___: Callable[..., Any]) -> Iterable[bytes]:
        ended.wait(_STALLED_SECONDS)
        raise ConnectionAbortedError(_BEGUN)

    return Fault("hold a request", ALL, act, asked=False)


def _fault(name: str, operations: Iterable[str], act: Callable[..., Iterable[bytes]], *, asked: bool = True) -> Fault:
    return Fault(name, frozenset(operations), act, asked)


_SLOW_DOWN, _INTERNAL = ("503 Slow Down", "SlowDown"), ("500 Internal Server Error", "InternalError")
FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        _fault("503 SlowDown", READS, _refused(*_SLOW_DOWN), asked=False),
        _fault("500 InternalError", READS, _refused(*_INTERNAL), asked=False),
        _fault("403 for an object that is there", READS, _refused("403 Forbidden", "AccessDenied")),
        _fault("reset in the middle of a body", BODIES, _reset),
        _fault("body shorter than Content-Length", BODIES, _short),
        _fault("no further byte of a body", BODIES, _stalled),
        _fault("body that does not match its checksum", BODIES, _changed),
        _fault("4 KB a second", BODIES, _slow),
        _fault("503 SlowDown for a write", WRITES, _refused(*_SLOW_DOWN), asked=False),
        _fault("500 InternalError for a write", WRITES, _refused(*_INTERNAL), asked=False),
        _fault("400 BadDigest for a write", WRITES, _refused("400 Bad Request", "BadDigest"), asked=False),
        _fault("lost answer to a write", {"PutObject", "CopyObject"}, _lost),
        _fault("503 SlowDown for a part", {"UploadPart"}, _refused(*_SLOW_DOWN), asked=False),
        _fault("wrong ETag of a part", {"UploadPart"}, _wrong_etag),
        _fault(
            "200 with an error for CompleteMultipartUpload",
            {"CompleteMultipartUpload"},
            _refused("200 OK", "InternalError"),
            asked=False,
        ),
        _fault("lost answer to CompleteMultipartUpload", {"CompleteMultipartUpload"}, _lost),
    )
}
