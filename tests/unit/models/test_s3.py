"""An object of S3 as the source of a model, with the user's credentials, against the embedded S3."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avflow.errors import ModelManifestInvalid, ModelUnavailable
from avflow.models.store import ModelStore
from local_aws.access.authenticator import Authenticator
from local_aws.access.keys import AccessKeys
from local_aws.http_server import http_server
from local_aws.iam import ROLE
from local_aws.iam.policies import Policy
from local_aws.s3 import S3App
from tests.model_server import CONTENT
from tests.s3_server import KEY, S3Server, client_for, client_with, serving
from tests.unit.models.test_store import manifest

BUCKET = "my-models"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving(tmp_path_factory.mktemp("s3")) as started:
        client_for(started.endpoint).create_bucket(Bucket=BUCKET)
        yield started


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client; the product finds the same S3 and credentials by the variables of the AWS SDKs."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = client_for(s3_server.endpoint)
    client.put_object(Bucket=BUCKET, Key="some/folder/model.bin", Body=CONTENT)
    return client


def store_of(folder: Path, *urls: str, **keys: Any) -> ModelStore:
    return ModelStore(folder / "cache", manifest(folder, *urls, **keys), given=folder / "none")


@pytest.mark.usefixtures("s3")
def test_a_model_comes_from_a_bucket(tmp_path: Path) -> None:
    store = store_of(tmp_path, f"s3://{BUCKET}/some/folder/{{file}}")
    assert (store.fetch("tiny") / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("s3")
def test_a_download_goes_on_where_another_stopped(tmp_path: Path) -> None:
    store = store_of(tmp_path, f"s3://{BUCKET}/some/folder/{{file}}")
    (store.root / ".partial").mkdir(parents=True)
    file = store.describe("tiny").files[0]
    (store.root / ".partial" / file.sha256).write_bytes(CONTENT[:1000])
    told = []
    assert (store.fetch("tiny", told.append) / "model.bin").read_bytes() == CONTENT
    assert told[0].done > 1000


@pytest.mark.parametrize(
    ("key", "content", "why"),
    [
        ("nowhere", None, "S3 answered NoSuchKey: "),
        ("wrong", b"x" * len(CONTENT), "sent a file with the sha256"),
        ("cut", CONTENT[:1000], "offers 1000 bytes instead of 512000"),
        ("page", b"<!DOCTYPE html><html>not a model</html>", "is a web page"),
    ],
)
def test_what_is_wrong_is_told_and_the_next_source_is_used(
    s3: Any, tmp_path: Path, key: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    alone = store_of(tmp_path, f"s3://{BUCKET}/{key}")
    with pytest.raises(ModelUnavailable, match=rf"s3://{BUCKET}/{key}: {why}"):
        alone.fetch("tiny")
    both = store_of(tmp_path, f"s3://{BUCKET}/{key}", f"s3://{BUCKET}/some/folder/{{file}}")
    assert (both.fetch("tiny") / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="S3 answered NoSuchBucket"):
        store_of(tmp_path, "s3://no-such-bucket-of-mine/{file}").fetch("tiny")


def test_a_missing_object_of_a_bucket_that_may_not_be_listed_is_hinted_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "arn:aws:iam::123456789012:role/reader"
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    app, keys = S3App(tmp_path / "s3", policies=lambda _: [Policy.of(json.dumps({"Statement": [may]}))]), AccessKeys()

    def served(environ: dict[str, Any], start_response: Any) -> Any:
        role_of = Authenticator(keys).check(environ).role
        return app(environ if role_of is None else {**environ, ROLE: role_of}, start_response)

    front = http_server(served)
    thread = threading.Thread(target=front.serve_forever, args=(0.05,))
    thread.start()
    try:
        client_with(f"http://127.0.0.1:{front.port}", keys.issue()).create_bucket(Bucket=BUCKET)
        reader = keys.of_role(role)
        for name, value in (("ACCESS_KEY_ID", reader.id), ("SECRET_ACCESS_KEY", reader.secret),
                            ("SESSION_TOKEN", reader.token), ("ENDPOINT_URL_S3", f"http://127.0.0.1:{front.port}"),
                            ("DEFAULT_REGION", "us-east-1")):  # fmt: skip
            monkeypatch.setenv(f"AWS_{name}", value or "")
        with pytest.raises(ModelUnavailable, match="S3 answered AccessDenied: Access Denied, or there is no such key"):
            store_of(tmp_path, f"s3://{BUCKET}/{{file}}").fetch("tiny")
    finally:
        front.shutdown()
        thread.join()
        front.server_close()
        app.close()


def test_without_credentials_it_says_so(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ModelUnavailable, match="there are no AWS credentials here: set AWS_PROFILE"):
        store_of(tmp_path, f"s3://{BUCKET}/some/folder/{{file}}").fetch("tiny")


def test_a_profile_that_does_not_exist_is_told(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ModelUnavailable, match=r"profile .*nobody.* could not be found"):
        store_of(tmp_path, f"s3://{BUCKET}/some/folder/{{file}}").fetch("tiny")


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"])
def test_a_uri_without_bucket_or_key_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ModelManifestInvalid, match=r"names? .*a bucket and a key: s3://BUCKET/KEY"):
        store_of(tmp_path, uri)


def test_boto3_is_only_imported_when_an_object_is_fetched() -> None:
    code = "import sys, avflow.models.store as s; s.ModelStore(); print({'boto3', 'botocore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_without_boto3_the_source_fails_like_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ModelUnavailable, match="boto3 is not installed here"):
        store_of(tmp_path, f"s3://{BUCKET}/{{file}}").fetch("tiny")
