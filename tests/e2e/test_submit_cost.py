"""`avflow submit` knows what a run will cost before it sends anything: real files, and a stack that allows 5 cents."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avflow_cli import interrupt
from tests.e2e.conftest import ROOT, SAMPLE, ffmpeg, started
from tests.waiting import PATIENCE_SECONDS, until

LIMIT = 0.05
pytestmark = pytest.mark.slow


class Submit:
    """`avflow submit` with the access key of a running `avflow up`."""

    def __init__(self, up):
        self.up = up
        self.environment = {**os.environ, "AWS_ACCESS_KEY_ID": up.key_id, "AWS_SECRET_ACCESS_KEY": up.secret}

    def words(self, *arguments):
        where = ["--endpoint-url", self.up.url, "--region", "us-east-1"]
        return [sys.executable, "-m", "avflow_cli.main", "submit", *where, *map(str, arguments)]

    def __call__(self, *arguments):
        words = self.words(*arguments)
        return subprocess.run(words, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def on_a_terminal(self, answer, *arguments):
        """The exit status, and what a terminal showed. `answer` is what is typed at the question, or a signal."""
        own, its = pty.openpty()
        process = subprocess.Popen(
            self.words(*arguments), cwd=ROOT, env=self.environment, stdin=its, stdout=its, stderr=its
        )
        os.close(its)
        shown, answered = b"", False
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            if select.select([own], [], [], 0.1)[0]:
                try:
                    shown += os.read(own, 4096)
                except OSError:  # the other side is closed
                    break
            if b"[y/N] " in shown and not answered:
                answered = True
                os.write(own, answer) if isinstance(answer, bytes) else process.send_signal(answer)
        os.close(own)
        return process.wait(PATIENCE_SECONDS), shown.decode()

    def uploads(self):
        """What is in start/."""
        found = self.up.client("s3").list_objects_v2(Bucket=self.up.bucket, Prefix="start/")
        return {each["Key"] for each in found.get("Contents", ())}


@pytest.fixture(scope="module")
def submit():
    with started("--max-run-cost", str(LIMIT)) as up:
        yield Submit(up)


@pytest.fixture(scope="module")
def dear(tmp_path_factory):
    """25 minutes at one frame a second: three segments, each with an instance that starts."""
    path = tmp_path_factory.mktemp("dear") / "dear.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=1:d=1500", "-c:v", "mpeg4", path)
    return path


@pytest.mark.parametrize("more", [(), ("--yes",), ("--json",), (SAMPLE,)], ids=str)
def test_a_video_above_the_limit_is_refused_by_name_before_anything_is_sent(submit, dear, more):
    before = submit.uploads()
    done = submit(dear, *more)
    assert done.returncode == os.EX_DATAERR
    assert "MaxRunCostExceeded: " in done.stderr and "MaxRunCost is 0.05" in done.stderr
    assert "Nothing was uploaded." in done.stderr
    assert submit.uploads() == before


def test_the_estimate_is_that_of_the_run_itself(submit, dear):
    told = submit(dear).stderr
    submit.up.client("s3").upload_file(str(dear), submit.up.bucket, "start/itself/dear.mkv")
    report = until(lambda: body(submit, "result/itself/dear.error.json"), "the error report", 3 * PATIENCE_SECONDS)
    assert report["error"] == "MaxRunCostExceeded"
    (sentence,) = [part for part in told.split("; ") if "would cost about" in part]
    assert (
        sentence[sentence.index("(0.4 h with 1500 frames)") : sentence.index(", and MaxRunCost")] in report["message"]
    )


def body(submit, key):
    s3 = submit.up.client("s3")
    try:
        return json.loads(s3.get_object(Bucket=submit.up.bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def test_a_terminal_asks_and_no_is_the_default(submit):
    for answer in (b"\n", b"n\n", b"\x04"):
        status, shown = submit.on_a_terminal(answer, SAMPLE, "--to", "asked", "--ask-above", "0.01")
        assert status == os.EX_DATAERR
        assert "The run would cost about 0.03 US dollars. Upload? [y/N]" in shown
        assert "CostNotConfirmed" in shown and "Nothing was uploaded." in shown
    status, shown = submit.on_a_terminal(signal.SIGINT, SAMPLE, "--to", "asked", "--ask-above", "0.01")
    assert (status, "interrupted" in shown) == (interrupt.STATUS, True)
    assert not [key for key in submit.uploads() if "asked" in key]
    status, shown = submit.on_a_terminal(b"y\n", SAMPLE, "--to", "asked", "--ask-above", "0.01")
    assert (status, "estimated 0.03 US dollars" in shown) == (os.EX_OK, True)
    assert "start/asked/my_video.mkv" in submit.uploads()


def test_nobody_is_asked_without_a_terminal(submit, tmp_path):
    done = submit(SAMPLE, "--to", "piped", "--ask-above", "0.01", "--json")
    assert (done.returncode, "CostNotConfirmed" in done.stderr, done.stdout) == (os.EX_DATAERR, True, "")
    assert not [key for key in submit.uploads() if "piped" in key]
    text = tmp_path / "notes.mkv"
    text.write_text("no media", encoding="utf-8")
    done = submit(SAMPLE, text, "--to", "piped", "--ask-above", "0.01", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    by_name = {Path(line["video"]).name: line["estimated_usd"] for line in lines}
    assert by_name["notes.mkv"] is None
    assert 0.02 < by_name["my_video.mkv"] < LIMIT
    assert "notes.mkv: its cost can't be estimated here, so the run decides. InvalidMedia" in done.stderr
