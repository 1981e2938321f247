"""The command that pins base images, against a registry on this machine."""

import hashlib
import http.server
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts import base_images
from scripts.base_images import LISTS, MANIFESTS, BaseImage, BaseImageError

PLATFORMS = [{"platform": {"os": "linux", "architecture": each}, "digest": "sha256:0"} for each in ("arm64", "amd64")]
INDEX = json.dumps({"mediaType": LISTS[0], "manifests": PLATFORMS}).encode()
ARM_ONLY = json.dumps({"mediaType": LISTS[1], "manifests": PLATFORMS[:1]}).encode()
SINGLE = json.dumps({"mediaType": MANIFESTS[0]}).encode()
OLD = "sha256:" + "0" * 64


def digest_of(body):
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class Registry(http.server.ThreadingHTTPServer):
    """Answers by tag. It wants a token, which it gives to everybody who asks for the right scope."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tags = {"list": INDEX, "arm": ARM_ONLY, "single": SINGLE}
        self.wants_token, self.states = True, None

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        url, server = urlsplit(self.path), self.server
        if url.path == "/token":
            query = parse_qs(url.query)
            assert query == {"service": ["registry"], "scope": ["repository:library/python:pull"]}
            return self.answer(200, b'{"token": "anonymous"}')
        if server.wants_token and self.headers.get("Authorization") != "Bearer anonymous":
            realm = (
                f'Bearer realm="http://{server.host}/token",service="registry",scope="repository:library/python:pull"'
            )
            return self.answer(401, b"{}", **{"WWW-Authenticate": realm})
        assert LISTS[0] in self.headers["Accept"]
        body = server.tags.get(url.path.removeprefix("/v2/library/python/manifests/"))
        if body is None:
            return self.answer(404, b"{}")
        return self.answer(200, body, **{"Docker-Content-Digest": server.states or digest_of(body)})

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def registry():
    server = Registry()
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def dockerfiles(tmp_path):
    """A function that writes two Dockerfiles with a base image."""

    def write(base):
        for name in ("a", "b"):
            text = f"# text\nARG BASE_IMAGE={base}\nFROM ${{BASE_IMAGE}} AS one\nFROM one\nLABEL x=y\n"
            (tmp_path / f"{name}.Dockerfile").write_text(text)
        return tmp_path

    return write


def written(folder):
    return [str(base) for _, base in base_images.bases(folder)]


@pytest.mark.parametrize("wants_token", [True, False])
@pytest.mark.parametrize(("tag", "body"), [("list", INDEX), ("single", SINGLE)])
def test_update_writes_the_digest_of_the_tag_into_all_files(registry, dockerfiles, tag, body, wants_token):
    registry.wants_token = wants_token
    for known in ("", f"@{OLD}", f"@{digest_of(body)}"):
        folder = dockerfiles(f"{registry.host}/library/python:{tag}{known}")
        assert base_images.update(folder) == 0
        assert written(folder) == [f"{registry.host}/library/python:{tag}@{digest_of(body)}"] * 2
        text = (folder / "a.Dockerfile").read_text()
        assert text.startswith("# text\n")
        assert text.endswith("FROM ${BASE_IMAGE} AS one\nFROM one\nLABEL x=y\n")
        assert base_images.check(folder) == 0


@pytest.mark.parametrize(
    ("tag", "states", "why"),
    [
        ("none", None, "404"),
        ("arm", None, "not for linux/amd64"),
        ("list", OLD, "states the digest"),
    ],
)
def test_an_answer_that_cannot_be_used_changes_no_file(registry, dockerfiles, tag, states, why):
    registry.states = states
    base = f"{registry.host}/library/python:{tag}@{OLD}"
    folder = dockerfiles(base)
    with pytest.raises(BaseImageError, match=why) as caught:
        base_images.update(folder)
    assert f"library/python:{tag}" in str(caught.value)
    assert str(caught.value).endswith("No file was changed")
    assert written(folder) == [base] * 2


def test_a_registry_that_cannot_be_reached_is_named(dockerfiles):
    with pytest.raises(BaseImageError, match=r"127\.0\.0\.1:9/library/python:list: .*refused.*No file was changed"):
        base_images.update(dockerfiles("127.0.0.1:9/library/python:list"))


def test_check_names_each_file_whose_base_has_no_digest(dockerfiles, capsys):
    assert base_images.check(dockerfiles("docker.io/library/python:3.13-slim-trixie")) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in said] == ["a.Dockerfile", "b.Dockerfile"]
    assert all("python:3.13-slim-trixie has no digest. Run `make base-images`" in line for line in said)


def test_the_images_come_from_a_registry_that_limits_no_address_to_a_few_pulls():
    """docker.io does; Amazon's public gallery has Docker's official images too (rust-lang/docker-rust#75)."""
    for file, base in base_images.bases(base_images.FOLDER):
        assert base.name.startswith("public.ecr.aws/docker/library/"), file.name
        assert base.digest, file.name


@pytest.mark.parametrize(
    "line", ["FROM debian:13", "FROM docker.io/library/debian:13 AS other", "ARG BASE_IMAGE=docker.io/library/x:1"]
)
def test_a_dockerfile_that_begins_from_something_else_is_refused(dockerfiles, line):
    folder = dockerfiles(f"docker.io/library/python:3.13@{OLD}")
    with (folder / "b.Dockerfile").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BaseImageError, match=r"b\.Dockerfile"):
        base_images.check(folder)


@pytest.mark.parametrize(
    "reference",
    ["python:3.13", "docker.io/library/python", f"docker.io/library/python@{OLD}", "docker.io/x:1@sha256:0", ""],
)
def test_a_reference_without_registry_or_tag_is_refused(reference):
    with pytest.raises(BaseImageError, match="registry/name:tag"):
        BaseImage.of(reference)


def test_the_projects_images_begin_from_one_base_with_a_digest():
    found = {base for _, base in base_images.bases(base_images.FOLDER)}
    assert len(found) == 1
    assert all(base.digest for base in found)
    assert base_images.main("check") == 0
