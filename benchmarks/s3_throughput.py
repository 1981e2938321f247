"""How fast the embedded S3 takes and gives one large object, and how much memory its process needs for it.

`python benchmarks/s3_throughput.py [--megabytes 1000]`: boto3's upload_file (multipart, 10 threads) and
download_file (ranged GETs, 10 threads) against a server in a process of its own, on this machine.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent


def peak_memory(pid: int) -> float:
    """The largest resident set of a process so far, in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmHWM in /proc: this needs Linux")


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(folder: Path, megabytes: int) -> None:
    """Run the server, send an object of `megabytes` (10^6 bytes each) up and down, print the figures."""
    source, target = folder / "source", folder / "target"
    block = os.urandom(1_000_000)
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    command = [sys.executable, "-m", "local_aws.s3", str(folder / "s3")]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            s3 = boto3.client(
                "s3",
                endpoint_url=server.stdout.readline().strip(),
                region_name="us-east-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106  any will do: nothing checks it
                config=Config(max_pool_connections=10),
            )
            s3.create_bucket(Bucket="benchmark")
            idle = peak_memory(server.pid)
            up = timed(lambda: s3.upload_file(str(source), "benchmark", "object"))
            down = timed(lambda: s3.download_file("benchmark", "object", str(target)))
            peak = peak_memory(server.pid)
        finally:
            server.terminate()
    if not filecmp.cmp(source, target, shallow=False):
        raise RuntimeError("what came down is not what went up")
    print(f"{megabytes} MB up: {megabytes / up:.0f} MB/s ({up:.2f} s)")
    print(f"{megabytes} MB down: {megabytes / down:.0f} MB/s ({down:.2f} s)")
    print(f"server's peak memory: {peak:.0f} MB ({idle:.0f} MB before the transfers)")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where to put three times as much data; default: the temp folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure(Path(folder), arguments.megabytes)


if __name__ == "__main__":
    main()
