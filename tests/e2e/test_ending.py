"""A signal ends `avflow up` within two seconds, whatever it does, without a traceback, and its processes with it."""

import http.client
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from tests.e2e.conftest import ROOT, SAMPLE, started
from tests.waiting import until

SECONDS = 2.0


def end(process):
    """Send SIGTERM. Check that the process and its children end in time."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    before = time.monotonic()
    status = process.wait(30)
    assert time.monotonic() - before < SECONDS
    assert status in (130, -signal.SIGTERM)
    assert not psutil.wait_procs(children, timeout=SECONDS)[1]


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 1.5, 2.0])
def test_while_it_starts(seconds):
    command = [sys.executable, "-m", "avflow_cli", "up", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(seconds)
        end(process)
        assert process.stderr.read() in ("", "avflow: interrupted\n")


def test_while_many_executions_run():
    with started() as up:
        for number in range(8):
            up.client("s3").upload_file(str(SAMPLE), up.bucket, f"start/{number}.mkv")
        until(lambda: len(psutil.Process(up.process.pid).children(recursive=True)) > 5, "the steps")
        end(up.process)


def test_while_an_upload_is_under_way():
    with started() as up:
        url = up.client("s3").generate_presigned_url("put_object", Params={"Bucket": up.bucket, "Key": "k"})
        connection = http.client.HTTPConnection(up.url.removeprefix("http://"))
        begun = threading.Event()

        def blocks():
            for _ in range(6000):
                yield b"x" * (1 << 20)
                begun.set()

        def upload():
            with suppress(OSError, http.client.HTTPException):
                connection.request("PUT", url.removeprefix(up.url), blocks(), {"Content-Length": str(6000 << 20)})

        sender = threading.Thread(target=upload)
        sender.start()
        begun.wait(30)
        end(up.process)
        sender.join(30)
