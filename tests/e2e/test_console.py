"""The console of `avflow up` on a real video, and `avflow console` on the same stack, which only reads."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from tests.e2e.conftest import ROOT, SAMPLE, read_until
from tests.result_sets import named
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow


class Page:
    """What a page at a printed address asks."""

    def __init__(self, address):
        self.url, _, self.token = address.partition("#")

    def __call__(self, name, /, method="GET", body=None, **query):
        asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        token = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.url}api/{name}?{asked}", body, token, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextmanager
def running(pattern, *arguments, env=None):
    """A running `avflow …`, and what it has printed in the groups of a pattern."""
    command = [sys.executable, "-m", "avflow_cli.main", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env)
    try:
        yield process, read_until(process, pattern).groups()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def up():
    pattern = r"is up at (\S+) with(?s:.*)machine: (\S+)\n.*access key\S*.*: (\S+)\n.*secret access key: (\S+)\n"
    with running(pattern, "up", "--port", "0") as (_, groups):
        yield groups


def credentials(up):
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {**os.environ, **dict(zip(names, up[2:], strict=True)), "AWS_DEFAULT_REGION": "us-east-1"}


def ended(page):
    rows = page("executions")["rows"]
    return rows if rows and all(row["status"] != "RUNNING" for row in rows) else None


def test_a_video_that_is_uploaded_on_the_page_is_processed_and_its_results_are_linked(up):
    page = Page(up[1])
    assert page.url.startswith(up[0])
    assert page("upload", "PUT", SAMPLE.read_bytes(), name="film.mkv") == {"key": "start/film.mkv"}
    (row,) = until(lambda: ended(page), "the end of the execution", 3 * PATIENCE_SECONDS)
    assert (row["status"], row["name"].startswith("film-mkv-")) == ("SUCCEEDED", True)
    results = page("results", arn=row["arn"])
    assert {f"result/{each['name']}" for each in results} == named("result/film")
    (link,) = [each["link"] for each in results if each["name"] == "film.srt"]
    with urllib.request.urlopen(link) as answer:
        assert b"-->" in answer.read()
    assert page("again", "POST", arn=row["arn"])["done"].startswith("Its upload is processed anew")
    until(lambda: len(page("executions")["rows"]) == 2, "a new execution")


def test_avflow_console_shows_the_stack_and_changes_nothing(up):
    command = ("console", "--endpoint-url", up[0], "--port", "0")
    with running(r"The console: (\S+)\n(.*)\n", *command, env=credentials(up)) as (_, (address, told)):
        page = Page(address)
        assert "only reads" in told
        account = page("account")
        assert (account["title"], account["mayWrite"]) == ("av-workflow in us-east-1", False)
        assert page("executions")["rows"] == Page(up[1])("executions")["rows"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            page("upload", "PUT", b"x", name="a.mkv")
    with running(r"(.+)\n", *command, "--json", env=credentials(up)) as (_, (line,)):
        told = json.loads(line)
        assert (told["type"], told["may_write"]) == ("console", False)
        assert Page(told["url"])("account") == account


def test_what_keeps_it_from_starting_is_named(up):
    port = re.search(r":(\d+)$", up[0])[1]
    environment = credentials(up)
    for options, said in (
        (("--port", port), f"PortTaken: Port {port} of 127.0.0.1 is in use"),
        (("--stack-name", "another"), "StackUnusable: another: Stack with id another does not exist"),
        (
            ("--profile", "none-of-this-name"),
            "CredentialsUnusable: The config profile (none-of-this-name) could not be found",
        ),
    ):
        command = [sys.executable, "-m", "avflow_cli.main", "console", "--endpoint-url", up[0], *options]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert said in done.stderr
