"""How fast the embedded S3 takes and returns one large object, and how much memory it needs, against moto's S3.

`python -m benchmarks.s3 [--json FILE] [--quick] [--megabytes 300]`

boto3's upload_file (multipart, 10 threads) and download_file (ranged GETs, 10 threads). Each server is a process of
its own on this machine; both take their turns with the same file.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from benchmarks.common import ROOT, Result, command_line, median_ratio, seconds
from benchmarks.peak_memory import high_water

UP, DOWN, MEMORY = (f"S3: {what} over moto's" for what in ("upload speed", "download speed", "memory"))
_MOTO = """
from threading import Event
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
Event().wait()
"""


@dataclass(frozen=True)
class Server:
    """A running S3, and its client."""

    process: psutil.Process
    s3: Any

    def memory(self) -> float:
        """The largest resident set of the server so far, in MB."""
        return high_water(self.process.pid) / 1e6


@contextmanager
def serving(*command: str) -> Iterator[Server]:
    """A server that prints its address, in a process of its own, with an empty bucket `benchmark`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # moto logs each request
    key = {"AWS_ACCESS_KEY_ID": "AKIABENCHMARKBENCHMA", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
    environment = {**os.environ, **key}
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, text=True, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            s3 = boto3.client(
                "s3",
                endpoint_url=process.stdout.readline().strip(),
                region_name="us-east-1",
                aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
                config=Config(max_pool_connections=10),
            )
            s3.create_bucket(Bucket="benchmark")
            yield Server(psutil.Process(process.pid), s3)
        finally:
            process.terminate()


def transfer(server: Server, source: Path, target: Path) -> tuple[float, float]:
    """Seconds of an upload of `source`, and of its download to `target`.

    Raises
    ------
    RuntimeError
        The download differs from the upload.
    """
    up = seconds(lambda: server.s3.upload_file(str(source), "benchmark", "object"))
    down = seconds(lambda: server.s3.download_file("benchmark", "object", str(target)))
    if not filecmp.cmp(source, target, shallow=False):
        raise RuntimeError("the download differs from the upload")
    return up, down


def compare(folder: Path, megabytes: int, rounds: int, result: Result) -> None:
    """Fill `result` with the figures of both servers and their ratios."""
    result.declare(UP, DOWN, MEMORY)
    source, target = folder / "source", folder / "target"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    with serving("-m", "local_aws.s3", str(folder / "s3")) as ours, serving("-c", _MOTO) as moto:
        times = [(transfer(ours, source, target), transfer(moto, source, target)) for _ in range(rounds)]
        memory = {"ours": ours.memory(), "moto": moto.memory()}
    for place, (direction, ratio) in enumerate((("up", UP), ("down", DOWN))):
        mine, peers = [round_[0][place] for round_ in times], [round_[1][place] for round_ in times]
        for who, each in (("ours", mine), ("moto", peers)):
            result.row(f"{megabytes} MB {direction}, {who}", megabytes / statistics.median(each), "MB/s")
        result.ratio(ratio, median_ratio(peers, mine))
    for who, each in memory.items():
        result.row(f"peak memory of the server, {who}", each, "MB")
    result.ratio(MEMORY, memory["moto"] / memory["ours"])


def main() -> None:
    """Measure, and print the table."""
    parser = command_line(__doc__, rounds=3)
    parser.add_argument("--megabytes", type=int, default=300, help="size of the object (300)")
    options = parser.parse_args()
    megabytes, rounds = (50, 1) if options.quick else (options.megabytes, options.rounds)
    result = Result("The embedded S3 against moto's", quick=options.quick)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), megabytes, rounds, result)
    result.notes.append(f"{rounds} rounds, in which the servers take turns.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
