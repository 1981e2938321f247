"""The commands for a deployed stack, on the embedded AWS: submit, list, watch, results, logs, cost, stop, retry."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from urllib.parse import unquote
from urllib.request import Request, urlopen

import pytest
from rich.console import Console

from avflow_cli.access import Access
from avflow_cli.follow import Task, TaskEvent
from avflow_cli.samconfig import Named
from avflow_cli.stack.executions import Executions
from avflow_cli.stack.reports import manifest_of
from avflow_cli.stack.spent import at_most_usd
from avflow_cli.stack.stack import Stack
from avflow_cli.stack.watch import LoggedProgress
from avflow_cli.view import RunView
from tests.e2e.conftest import ROOT, SAMPLE, started
from tests.result_sets import named
from tests.waiting import PATIENCE_SECONDS, until


class Commands:
    """The command line with the access key of a running `avflow up`."""

    def __init__(self, up, cache):
        self.up = up
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": up.key_id,
            "AWS_SECRET_ACCESS_KEY": up.secret,
            "XDG_CACHE_HOME": str(cache),
        }

    def words(self, *arguments):
        where = ["--endpoint-url", self.up.url, "--region", "us-east-1"]
        return [sys.executable, "-m", "avflow_cli.main", arguments[0], *where, *map(str, arguments[1:])]

    def __call__(self, *arguments, cwd=ROOT, **variables):
        environment = {**self.environment, **variables}
        command = self.words(*arguments)
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    def good(self, *arguments, **more):
        done = self(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments, **more):
        done = self(*arguments, "--json", **more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begun(self, *arguments, **more):
        command = self.words(*arguments)
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
        )


@pytest.fixture(scope="module")
def avflow(tmp_path_factory):
    with started() as up:
        yield Commands(up, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def sample(avflow):
    """The sample, submitted and watched to its end: what both printed."""
    (submitted,) = avflow.json("submit", SAMPLE, "--to", "holidays", "--classes", "car,person", "--confidence", "0.4")
    watched = avflow("watch", submitted["name"])
    assert watched.returncode == 0, watched.stderr
    return submitted, watched.stdout


@pytest.fixture(scope="module")
def failed(avflow, tmp_path_factory):
    """A run that failed, because its upload is no media."""
    text = tmp_path_factory.mktemp("text") / "notes.mkv"
    text.write_text("no media", encoding="utf-8")
    (submitted,) = avflow.json("submit", text)
    until(lambda: avflow.json("list", "--limit", "1", "--status", "FAILED"), "the failure", 3 * PATIENCE_SECONDS)
    return submitted


def of(output, kind):
    return [line for line in output if line["type"] == kind]


# ------------------------------------------------------------ a run that succeeds
@pytest.mark.slow
def test_a_submitted_video_is_watched_to_its_results(avflow, sample):
    submitted, watched = sample
    assert submitted["uri"] == f"s3://{avflow.up.bucket}/start/holidays/my_video.mkv"
    assert submitted["name"].startswith("my_video-mkv-")
    for step in ("FFmpeg on Lambda", "Audio2srt on Lambda", "Yolov3 on Batch", "Merge on Lambda"):
        assert re.search(rf"^{step}: done after \d+\.\d s$", watched, re.MULTILINE)
    printed = {line for line in watched.splitlines() if line.startswith("s3://")}
    assert printed == {f"s3://{avflow.up.bucket}/{key}" for key in named("result/holidays/my_video")}
    *steps, end = avflow.json("watch", "--last")
    assert end["status"] == "SUCCEEDED" and {*end["results"]} == printed
    assert [step["step"] for step in steps if step["event"] == "ended"][-1] == "Merge"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my_video.mkv", "holidays/my_video.mkv", "start/holidays/my_video.mkv"])
def test_results_are_listed_and_downloaded_by_the_uploads_name(avflow, sample, tmp_path, name):
    listed = of(avflow.json("results", name), "result")
    assert {line["uri"].rpartition("/")[2] for line in listed} == named("my_video")
    printed = avflow.good("results", name, "--download", "--out", tmp_path).splitlines()
    assert {*printed} == {str(tmp_path / "holidays" / each) for each in named("my_video")}
    manifest = json.loads((tmp_path / "holidays" / "my_video.json").read_text(encoding="utf-8"))
    chosen = manifest["choices"]
    assert chosen["confidence"] == {"value": 0.4, "from": "upload"}
    assert chosen["nms"]["from"] != "upload"
    lines = (tmp_path / "holidays" / "my_video.detections.jsonl").read_text(encoding="utf-8").splitlines()
    found = {each["class"] for line in lines for each in json.loads(line)["objects"]}
    assert "car" in found and found <= {"car", "person"}
    assert {path.name for path in (tmp_path / "holidays").iterdir()} == named("my_video"), "and nothing half-done"


@pytest.mark.slow
def test_a_file_that_is_no_result_is_never_replaced(avflow, sample, tmp_path):
    mine = tmp_path / "holidays" / "my_video.avi"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    refused = avflow("results", "--last", "my_video.mkv", "--download", "--out", tmp_path)
    assert refused.returncode == os.EX_USAGE, "two names for one run"
    refused = avflow("results", "my_video.mkv", "--download", "--out", tmp_path)
    assert refused.returncode == os.EX_CANTCREAT
    assert "OutputUnusable" in refused.stderr and mine.read_bytes() == b"mine"
    other = tmp_path / "other" / "holidays"
    for left in ((), ("my_video.json", "my_video.srt")):  # as it is, and as an interrupted download leaves it
        avflow.good("results", "my_video.mkv", "--download", "--out", other.parent)
        for name in left:
            (other / name).unlink()
    avflow.good("results", "my_video.mkv", "--download", "--out", other.parent)
    assert {path.name for path in other.iterdir()} == named("my_video")
    (other / "my_video.json").unlink()
    (other / "my_video.srt").write_text("my own subtitles", encoding="utf-8")
    assert avflow("results", "my_video.mkv", "--download", "--out", other.parent).returncode == os.EX_CANTCREAT


@pytest.mark.slow
def test_logs_are_those_of_the_run_and_of_the_step(avflow, sample, failed):
    everything = avflow.good("logs", "my_video.mkv")
    for step in ("ffmpeg", "audio2srt", "yolov3", "merge"):
        assert re.search(rf"^\d\d:\d\d:\d\d {step}( 1)?: succeeded", everything, re.MULTILINE)
    only = avflow.good("logs", "my_video.mkv", "yolov3").splitlines()
    assert only and all(" yolov3" in line for line in only)
    whole = avflow.json("logs", "my_video.mkv", "yolov3")
    assert any('"progress"' in line["message"] for line in whole)
    assert {line["group"] for line in whole} == {"/aws/batch/av-workflow"}
    assert "notes.mkv" not in everything and "notes.mkv" in avflow.good("logs", "notes.mkv", "ffmpeg")


@pytest.fixture
def stack(avflow, monkeypatch):
    """The stack, for what a test asks without a command."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, avflow.environment[name])
    return Stack.of(Access(Named("av-workflow", "us-east-1", None), endpoint_url=avflow.up.url))


@pytest.mark.slow
def test_the_view_has_the_progress_that_steps_log(stack, sample):
    found = Executions(stack).find("my_video.mkv")
    view, task = RunView(Console(file=io.StringIO(), width=100)), Task("Yolov3", "batch")
    view.show(TaskEvent(task))
    logged = LoggedProgress(stack, found.name, view, found.started.timestamp())
    for _ in range(2):
        logged.read()
        (row,) = view.__rich__().renderables
        assert row.bar == (110, 110), "of all frames, and each line counts once"
    later = RunView(Console(file=io.StringIO()))
    later.show(TaskEvent(task))
    LoggedProgress(stack, found.name, later, found.ended.timestamp() + 60).read()
    assert later.__rich__().renderables[0].bar == (0, None)


@pytest.mark.slow
def test_the_cost_is_that_of_the_manifests(avflow, sample, failed):
    s3 = avflow.up.client("s3")
    manifest = json.loads(s3.get_object(Bucket=avflow.up.bucket, Key="result/holidays/my_video.json")["Body"].read())
    lines = avflow.json("cost", "--since", "1h")
    by_upload = {line["upload"]: line["usd"] for line in of(lines, "run")}
    assert by_upload["holidays/my_video.mkv"] == pytest.approx(manifest["cost"]["usd"])
    assert by_upload["notes.mkv"] is None
    at_most = {line["upload"]: line["at_most_usd"] for line in of(lines, "run")}
    assert at_most["holidays/my_video.mkv"] == pytest.approx(manifest["cost"]["usd"])
    assert 0.0001 < at_most["notes.mkv"] < 0.01, "its states, and seconds of a function"
    (total,) = of(lines, "total")
    assert total["at_most_usd"] > total["usd"] + 0.0001
    assert total["usd"] == pytest.approx(manifest["cost"]["usd"], abs=1e-6) and total["unknown"] >= 1
    assert "whose cost is unknown" in avflow.good("cost")
    assert re.search(r"notes\.mkv +FAILED .* at most 0\.00", avflow.good("cost"))
    assert avflow("cost", "--since", "soon").returncode == os.EX_USAGE


@pytest.mark.slow
def test_a_run_costs_no_more_than_its_history_says(stack, sample):
    """So what is said of a run without a manifest is a bound: here there is a manifest to compare with."""
    found = Executions(stack).find("my_video.mkv")
    by = manifest_of(stack, found)["cost"]["by"]
    spent = at_most_usd(stack, found)
    assert spent >= sum(usd for service, usd in by.items() if service not in ("s3", "events"))
    assert spent < 0.5, "a clip of 11 seconds"


@pytest.mark.slow
def test_the_page_is_opened_with_its_video(avflow, sample):
    page, _, video = avflow.good("open", "my_video.mkv").strip().partition("#video=")
    assert b"<html" in urlopen(page).read()  # the address is the embedded AWS's
    assert urlopen(unquote(video)).read(12)[4:8] == b"ftyp"
    console = avflow.good("open", "my_video.mkv", "--console").strip()
    assert unquote(console).endswith(f":execution:av-workflow:{sample[0]['name']}")


def test_the_console_that_is_opened_is_that_of_the_embedded_aws(avflow):
    console = avflow.good("open").strip()
    address, _, token = console.partition("#")
    assert address.startswith(avflow.up.url)
    asked = Request(f"{address}api/account", headers={"Authorization": f"Bearer {token}"})
    assert json.loads(urlopen(asked).read())["title"] == "the embedded AWS"
    assert avflow.json("open") == [{"url": console}]


# ------------------------------------------------------------ runs that end otherwise
@pytest.mark.slow
def test_a_failed_run_says_why_and_is_processed_anew(avflow, failed):
    watched = avflow("watch", "notes.mkv")
    assert watched.returncode == os.EX_DATAERR
    assert "InvalidMediaUnreadable: " in watched.stderr and f"avflow logs {failed['name']}" in watched.stderr
    shown = avflow("results", "notes.mkv", "--json")
    assert shown.returncode == os.EX_DATAERR
    assert '"uri": "s3://' in shown.stdout and "/result/notes.error.json" in shown.stdout
    (again,) = avflow.json("retry", failed["name"])
    assert again["name"] != failed["name"] and not again["redriven"]
    until(lambda: not avflow.json("list", "--status", "RUNNING"), "the end of the second run", 3 * PATIENCE_SECONDS)
    old = avflow("results", failed["name"])
    assert old.returncode == os.EX_NOINPUT and "another run of notes.mkv replaced them" in old.stderr


@pytest.mark.slow
def test_a_folder_is_submitted_with_its_paths(avflow, tmp_path):
    for name in ("a.mkv", "deep/b.mp4", "deep/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no media", encoding="utf-8")
    told = avflow.json("submit", tmp_path, "--to", "start/many/")
    keys = [f"start/many/{name}" for name in ("a.mkv", "deep/b.mp4")]
    assert [line["uri"] for line in told] == [f"s3://{avflow.up.bucket}/{key}" for key in keys]
    listed = {line["name"]: line["upload"] for line in avflow.json("list", "--limit", "2")}
    assert listed == {line["name"]: line["uri"].partition("/start/")[2] for line in told}
    missing = avflow("submit", tmp_path / "none.mkv")
    assert missing.returncode == os.EX_NOINPUT and "SourceMissing" in missing.stderr


@pytest.mark.slow
def test_a_stopped_run_goes_on(avflow):
    (submitted,) = avflow.json("submit", SAMPLE, "--to", "stopped")
    name = submitted["name"]
    early = avflow("results", name)
    assert early.returncode == os.EX_NOINPUT and f"avflow watch {name}" in early.stderr
    assert "still runs" in avflow("retry", name).stderr
    (stopped,) = avflow.json("stop", name)
    assert stopped["status"] == "ABORTED"
    again = avflow("stop", name)
    assert again.returncode == os.EX_USAGE and "nothing to stop" in again.stderr
    (retried,) = avflow.json("retry", name)
    assert retried["name"] == name and retried["redriven"]
    watching = avflow.begun("watch", name)
    assert "FFmpeg on Lambda" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=PATIENCE_SECONDS)
    assert watching.returncode == 130
    assert avflow.json("list", "--limit", "1")[0]["status"] == "RUNNING", "Ctrl-C ends the view alone"
    avflow.good("stop", name)


def test_a_name_that_is_no_run(avflow):
    for command in ("watch", "results", "logs", "stop", "retry", "open"):
        missing = avflow(command, "no_such.mkv")
        assert missing.returncode == os.EX_SOFTWARE
        assert "RunNotFound: av-workflow has no run no_such.mkv. `avflow list` shows the runs." in missing.stderr
        if command != "open":
            assert avflow(command).returncode == os.EX_USAGE


# ------------------------------------------------------------ what AWS refuses, in one sentence
@pytest.mark.parametrize(
    ("options", "variables", "status", "said"),
    [
        (["--stack-name", "other"], {}, os.EX_SOFTWARE, "StackUnusable: other: Stack with id other does not exist in"),
        (["--endpoint-url", "http://127.0.0.1:9"], {}, os.EX_TEMPFAIL, "AwsUnreachable: Could not connect"),
        ([], {"AWS_ACCESS_KEY_ID": "AKIA0000000000000000"}, os.EX_NOPERM, "AWS does not take your credentials in us-e"),
        (["--profile", "nobody"], {}, os.EX_NOPERM, "CredentialsUnusable: The config profile (nobody) could not be"),
    ],
)
def test_what_aws_refuses_is_one_sentence(avflow, options, variables, status, said):
    refused = avflow("list", *options, **variables)
    assert refused.returncode == status
    assert said in refused.stderr and len(refused.stderr.splitlines()) == 1
