"""The user's own settings for AWS, whatever they are, neither disturb the embedded AWS nor are changed by it."""

import os

import pytest

from local_aws.environment import child_environment, without_users_settings
from tests.e2e.conftest import started

SETTINGS = {
    "AWS_PROFILE": "ended",
    "AWS_DEFAULT_PROFILE": "ended",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_DEFAULT_REGION": "cn-north-1",
}


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """A home folder whose files have mistakes, and variables that lead astray."""
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_text("garbage [[[\n=\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / ".aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / ".aws" / "credentials"))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    yield
    assert {path.read_text() for path in (tmp_path / ".aws").iterdir()} == {"garbage [[[\n=\n"}


@pytest.mark.slow
def test_they_do_not_disturb_it(settings):
    with started() as up, without_users_settings():
        assert "av-workflow-FFmpegFunction" in {
            each["FunctionName"] for each in up.client("lambda").list_functions()["Functions"]
        }


def test_they_are_there_again_afterwards(settings):
    before = dict(os.environ)
    with without_users_settings():
        assert {name for name in os.environ if name.startswith("AWS_")} == {
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
        }
    assert dict(os.environ) == before


def test_functions_and_jobs_do_not_read_them(settings):
    found = child_environment("http://127.0.0.1:1", {})
    assert found["AWS_CONFIG_FILE"] == found["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {*SETTINGS.values()} & {*found.values()}
