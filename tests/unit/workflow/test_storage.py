"""S3's errors become the project's, over a real connection to a server that answers like S3."""

import base64
import json
import resource
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from avflow.errors import ScratchFull, SourceMissing, StorageUnavailable
from avflow.workflow.storage import CONFIG, ObjectStore
from tests.waiting import PATIENCE_SECONDS


def client(url, read_timeout=PATIENCE_SECONDS):
    config = Config(retries={"max_attempts": 1}, connect_timeout=PATIENCE_SECONDS, read_timeout=read_timeout)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, config=config, **keys)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()

    do_PUT = do_HEAD = do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def served():
    """A function that starts a server with a handler, and returns a store that uses it."""
    servers = []

    def start(handler, **timeouts):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return ObjectStore("bucket", client(f"http://127.0.0.1:{server.server_port}", **timeouts))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def answering(served):
    """A server that gives the same answer to every request."""

    def start(status, code):
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

        class Handler(Answer):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        return served(Handler)

    return start


@pytest.fixture
def breaking(served):
    """A server whose first bodies break off in the middle, and the list of its requests."""

    def start(content, times):
        asked = []

        class Handler(Answer):
            def answer(self):
                asked.append(self.path)
                self.send_response(206)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: len(content) // 2] if len(asked) <= times else content)
                self.close_connection = True

        return served(Handler), asked

    return start


ACTIONS = {
    "size": lambda store, path: store.size("k"),
    "version": lambda store, path: store.version("k"),
    "download": lambda store, path: store.download("k", path),
    "upload": lambda store, path: store.upload(path, "k"),
    "read_json": lambda store, path: store.read_json("k"),
    "write_json": lambda store, path: store.write_json("k", {}),
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize("action", ["size", "download", "read_json"])
def test_a_missing_object_is_named(answering, file, action):
    with pytest.raises(SourceMissing, match="s3://bucket/k"):
        ACTIONS[action](answering(404, "NoSuchKey"), file)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_busy_s3_is_transient(answering, file, action):
    with pytest.raises(StorageUnavailable, match="s3://bucket/k"):
        ACTIONS[action](answering(503, "SlowDown"), file)


@pytest.mark.parametrize("action", ["size", "version", "download", "read_json"])
def test_a_refused_read_may_be_a_missing_object_and_says_so(answering, file, action):
    said = r"s3://bucket/k does not exist, or this role may not read it: S3 answered AccessDenied"
    with pytest.raises(SourceMissing, match=said):
        ACTIONS[action](answering(403, "AccessDenied"), file)


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"]
)
@pytest.mark.parametrize("action", ["size", "version", "download", "read_json"])
def test_a_refused_key_is_no_missing_object(answering, file, action, code):
    with pytest.raises(ClientError, match=code):
        ACTIONS[action](answering(403, code), file)


def test_a_refused_write_is_neither_missing_nor_transient(answering, file):
    with pytest.raises(ClientError, match="AccessDenied"):
        ACTIONS["write_json"](answering(403, "AccessDenied"), file)


def test_an_upload_that_is_refused_is_not_called_transient(answering, file):
    with pytest.raises(Exception, match="AccessDenied") as caught:
        answering(403, "AccessDenied").upload(file, "k")
    assert not isinstance(caught.value, StorageUnavailable)


@pytest.mark.parametrize("action", ACTIONS)
def test_no_answer_is_transient(file, action):
    with pytest.raises(StorageUnavailable, match="s3://bucket/k"):
        ACTIONS[action](ObjectStore("bucket", client("http://127.0.0.1:9")), file)


def test_a_body_that_breaks_off_is_asked_for_again(breaking, tmp_path):
    content = bytes(range(256)) * 4000
    store, asked = breaking(content, 2)
    store.download("k", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == content
    assert len(asked) >= 3
    store, asked = breaking(b'{"n": 1}', 1)
    assert store.read_json("k") == {"n": 1}
    assert len(asked) == 2


@pytest.mark.parametrize("action", ["download", "read_json"])
def test_a_body_that_always_breaks_off_is_transient(breaking, file, action):
    store, asked = breaking(b"12345", 100)
    with pytest.raises(StorageUnavailable, match="s3://bucket/k"):
        ACTIONS[action](store, file)
    assert 2 < len(asked) < 10


@pytest.mark.parametrize("code", ["BadDigest", "IncompleteBody", "InvalidPart", "NoSuchUpload"])
@pytest.mark.parametrize("action", ["upload", "write_json"])
def test_bytes_that_changed_on_their_way_are_transient(answering, file, action, code):
    with pytest.raises(StorageUnavailable, match=f"s3://bucket/k with {code}"):
        ACTIONS[action](answering(400, code), file)


@pytest.fixture
def changing(served):
    """A server whose first bodies have a wrong bit, and the list of its requests."""

    def start(content, times):
        asked = []
        checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()

        class Handler(Answer):
            def answer(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("x-amz-checksum-crc32", checksum)
                self.end_headers()
                if self.command != "HEAD":
                    asked.append(self.path)
                    wrong = len(asked) <= times
                    self.wfile.write(content[:-1] + bytes([content[-1] ^ wrong]))

        return served(Handler), asked

    return start


def test_a_body_that_does_not_match_its_checksum_is_asked_for_again(changing, tmp_path):
    content = bytes(range(256)) * 4000
    store, asked = changing(content, 2)
    store.download("k", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == content
    assert len(asked) == 3
    store, asked = changing(b'{"n": 1}', 1)
    assert store.read_json("k") == {"n": 1}
    assert len(asked) == 2


@pytest.mark.parametrize("action", ["download", "read_json"])
def test_a_body_that_never_matches_its_checksum_is_transient(changing, file, action):
    store, asked = changing(b"12345", 100)
    with pytest.raises(StorageUnavailable, match="do not match their checksum"):
        ACTIONS[action](store, file)
    assert len(asked) == 5
    assert file.read_bytes() == b"content", "no wrong byte is left"


@pytest.mark.parametrize("action", ["download", "read_json"])
def test_a_body_that_always_stalls_is_transient(served, file, action):
    asked = []
    ended = threading.Event()

    class Handler(Answer):
        def answer(self):
            asked.append(self.command)
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"12345")
                self.wfile.flush()
                ended.wait(PATIENCE_SECONDS)

    with pytest.raises(StorageUnavailable, match="s3://bucket/k"):
        ACTIONS[action](served(Handler, read_timeout=0.2), file)
    ended.set()
    assert asked.count("GET") == 5


def test_an_object_that_only_a_head_refuses_is_transient(served):
    class Handler(Answer):
        def answer(self):
            self.send_response(403 if self.command == "HEAD" else 206)
            self.send_header("Content-Length", "1")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"x")

    with pytest.raises(StorageUnavailable, match="one of two requests for s3://bucket/k with 403"):
        served(Handler).size("k")


def test_the_steps_do_not_wait_for_a_silent_s3(monkeypatch):
    """Seconds of silence, and tries of a request, by which a step of 15 minutes can still tell what is wrong."""
    seen = {}
    monkeypatch.setattr(boto3, "client", lambda service, config: seen.update({service: config}))
    ObjectStore("bucket")
    assert seen["s3"] is CONFIG
    assert CONFIG.connect_timeout <= 10
    assert CONFIG.read_timeout <= 20
    assert CONFIG.retries == {"mode": "standard", "max_attempts": 5}


@contextmanager
def files_no_larger_than(size):
    """Behaves like a full disk: a write stores less than it was given, and only the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_named_and_nothing_is_cut_short(breaking, tmp_path):
    store, _ = breaking(bytes(2_000_000), 0)
    with pytest.raises(ScratchFull, match="s3://bucket/k"), files_no_larger_than(1_500_000):
        store.download("k", tmp_path / "part")


def test_json_is_readable_by_people(answering):
    written = {}
    store = ObjectStore("bucket", type("S3", (), {"put_object": lambda self, **kw: written.update(kw)})())
    store.write_json("result/a.json", {"name": "Zoë", "n": 1})
    assert json.loads(written["Body"]) == {"name": "Zoë", "n": 1}
    assert "Zoë".encode() in written["Body"]
    assert b"\n" in written["Body"]
    assert written["ContentType"] == "application/json"
