"""Many small uploads at once on the embedded AWS: all complete, within bounds of memory and processes.

`python -m benchmarks.load --uploads 1000`. The embedded AWS runs in a process of its own. Each upload is one second of
video of 64x48 pixels with a beep, which runs through all steps with the smallest models. First some uploads go one
after another, then all at once. Measured are the rate of both, the processor time of an upload, the server's memory,
the processes that work at a time, and how long a listing of the bucket takes meanwhile.

On a machine that is busy all the time the rate is its cores divided by the processor time of an upload.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import imageio_ffmpeg
import psutil
from botocore.config import Config

from benchmarks.common import ROOT
from local_aws import system

#: the models: those that load fastest
PARAMETERS = {"Yolov3Model": "yolov3-tiny", "SpeechModel": "whisper-tiny.en", "DetectorCompute": "gpu"}
#: uploads that go one after another, for comparison
ALONE = 5
#: what a run may take at most
MEMORY_MB, LISTING_SECONDS, RATIO = 500.0, 1.0, 3.0
#: seconds without any new result after which a run has failed
PATIENCE_SECONDS = 600.0


@dataclass
class Watch:
    """What is measured while uploads are processed."""

    memory_mb: float = 0.0
    workers: int = 0
    media: int = 0
    encoders: int = 0
    listings: list[float] = field(default_factory=list)


class Server:
    """The embedded AWS in a process of its own, with the project's template."""

    def __init__(self, folder: Path, concurrency: int | None) -> None:
        command = [sys.executable, "-m", "benchmarks.load", "--serve", str(folder)]
        command += [] if concurrency is None else ["--concurrency", str(concurrency)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.bucket = told["bucket"]
        self.s3 = boto3.client(
            "s3",
            endpoint_url=told["url"],
            aws_access_key_id=told["key"],
            aws_secret_access_key=told["secret"],
            region_name="us-east-1",
            config=Config(max_pool_connections=32, proxies={}),
        )

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def results(self) -> tuple[int, int]:
        """How many uploads have results, and how many an error report."""
        keys = [
            found["Key"]
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="result/")
            for found in page.get("Contents", [])
        ]
        failed = sum(key.endswith(".error.json") for key in keys)
        return sum(key.endswith(".json") for key in keys) - failed, failed

    def processor_seconds(self) -> tuple[float, float]:
        """Processor time so far: of the server itself, and of it with all processes that it has started."""
        server = psutil.Process(self.process.pid)
        own, total = server.cpu_times(), 0.0
        for each in (server, *server.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return own.user + own.system, total

    def working(self) -> list[str]:
        """The commands of the processes that the server has started, but for frozen environments.

        One look takes a while, in which a process may end and another one start. Those that two looks see were there at
        the same time.
        """
        before, after = self._running(), self._running()
        return [command for process, command in after.items() if process in before]

    def _running(self) -> dict[int, str]:
        """Commands by process id. A process that has just been forked has its parent's, and does not count."""
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.status() != psutil.STATUS_STOPPED:
                    found[child.pid] = child.ppid(), " ".join(child.cmdline())
        return {pid: line for pid, (parent, line) in found.items() if parent not in found or found[parent][1] != line}

    def watch(self, stop: threading.Event, watch: Watch) -> None:
        """Measure twice a second until told to stop."""
        server = psutil.Process(self.process.pid)
        while not stop.wait(0.5):
            watch.memory_mb = max(watch.memory_mb, server.memory_info().rss / 1e6)
            lines = self.working()
            watch.workers = max(watch.workers, sum("bootstrap.py" in line or "batch_jobs." in line for line in lines))
            watch.media = max(watch.media, sum("avflow.isolation." in line for line in lines))
            watch.encoders = max(watch.encoders, sum("ffmpeg" in line.partition(" ")[0] for line in lines))
            began = time.monotonic()
            self.s3.list_objects_v2(Bucket=self.bucket, Prefix="start/")
            watch.listings.append(time.monotonic() - began)


def serve(folder: Path, concurrency: int | None) -> None:
    """Be the embedded AWS until standard input ends."""
    from local_aws.cloudformation.deploy import deploy  # noqa: PLC0415 - heavy, and for the other process
    from local_aws.server import LocalAws  # noqa: PLC0415

    settings = {} if concurrency is None else {"lambda_concurrency": concurrency}
    with LocalAws(ROOT, folder, **settings) as aws:
        outputs = deploy(aws, ROOT / "template.yaml", PARAMETERS, "load")
        told = {"url": aws.url, "bucket": outputs["BucketName"]}
        told |= {"key": aws.access_key.id, "secret": aws.access_key.secret}
        print(json.dumps(told), flush=True)
        sys.stdin.read()


def tiny_video(path: Path) -> None:
    """One second of moving test picture and a beep."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    command += ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:duration=1", "-c:v", "libx264", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)


def upload(server: Server, video: bytes, names: list[str], at_once: int = 16) -> None:
    """Upload the video under each of the names."""

    def put(name: str) -> None:
        server.s3.put_object(Bucket=server.bucket, Key=f"start/{name}.mp4", Body=video)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(put, names))


def wait_for(server: Server, count: int, *, tell: bool = False, pause: float = 0.1) -> tuple[int, int]:
    """Wait until so many uploads have ended; returns how many succeeded and failed.

    Raises
    ------
    TimeoutError
        Nothing more came.
    """
    last, since = (0, 0), time.monotonic()
    while sum(last) < count:
        time.sleep(pause)
        found = server.results()
        if found != last:
            last, since = found, time.monotonic()
            if tell:
                print(f"\r{found[0]} done, {found[1]} failed", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - since > PATIENCE_SECONDS:
            raise TimeoutError(f"{found[0]} succeeded, {found[1]} failed, of {count}; then nothing more came")
    if tell:
        print(file=sys.stderr)
    return last


def measure(uploads: int, concurrency: int | None, folder: Path) -> dict[str, Any]:
    """Process some uploads one after another, and then `uploads` at once."""
    tiny_video(folder / "tiny.mp4")
    video = (folder / "tiny.mp4").read_bytes()
    server = Server(folder / "aws", concurrency)
    try:
        upload(server, video, ["first"])
        wait_for(server, 1)
        began, before = time.monotonic(), server.processor_seconds()
        for number in range(ALONE):
            upload(server, video, [f"alone-{number}"])
            wait_for(server, 2 + number)
        alone, between = (time.monotonic() - began) / ALONE, server.processor_seconds()
        stop, watch = threading.Event(), Watch()
        watching = threading.Thread(target=server.watch, args=(stop, watch))
        watching.start()
        began = time.monotonic()
        upload(server, video, [f"many-{number:04}" for number in range(uploads)])
        succeeded, failed = wait_for(server, 1 + ALONE + uploads, tell=True, pause=1.0)
        seconds, after = time.monotonic() - began, server.processor_seconds()
        stop.set()
        watching.join()
    finally:
        server.close()
    pairs = max(1.0, system.cores() / 2)
    return {
        "uploads": uploads,
        "succeeded": succeeded - 1 - ALONE,
        "failed": failed,
        "seconds": round(seconds, 1),
        "seconds an upload alone": round(alone, 2),
        "seconds an upload of many": round(seconds / uploads, 2),
        "rate over that of one after another, a pair of cores": round(alone * uploads / seconds / pairs, 2),
        "processor seconds of an upload alone": round((between[1] - before[1]) / ALONE, 2),
        "processor seconds of an upload of many": round((after[1] - between[1]) / uploads, 2),
        "of these the server's own": round((after[0] - between[0]) / uploads, 2),
        "load average at the end": round(os.getloadavg()[0], 1),
        "server's memory in MB": round(watch.memory_mb),
        "functions and jobs at once": watch.workers,
        "media processes at once": watch.media,
        "encoders at once": watch.encoders,
        "longest listing in s": round(max(watch.listings), 2),
        "median listing in s": round(statistics.median(watch.listings), 3),
    }


def faults(found: dict[str, Any]) -> list[str]:
    """What of the result is out of bounds."""
    bounds = [
        ("not all succeeded", found["succeeded"] < found["uploads"]),
        ("the server took too much memory", found["server's memory in MB"] >= MEMORY_MB),
        ("too many media processes at once", found["media processes at once"] > system.cores() + 4),
        ("a listing took too long", found["longest listing in s"] >= LISTING_SECONDS),
    ]
    return [what for what, wrong in bounds if wrong]


def main() -> int:
    """Parse the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--concurrency", type=int, help="of the account; the default is a new account's")
    parser.add_argument("--quick", action="store_true", help="20 uploads")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.concurrency)
        return os.EX_OK
    with tempfile.TemporaryDirectory(prefix="avflow-load-") as folder:
        found = measure(20 if options.quick else options.uploads, options.concurrency, Path(folder))
    for name, value in found.items():
        print(f"{name:55} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    wrong = faults(found)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
