"""Something to steal: credentials, a loopback network, a neighbour, and the folder of another upload.

`python -m tests.unit.isolation.targets` attacks a media process here, and prints what succeeded as JSON. The tests of
the images run it in them.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from avflow.ffmpeg import binary
from avflow.isolation.permissions import interpreter
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace, workplace
from avflow.models.store import ModelStore
from tests.unit.isolation.attacks import ATTACKS
from tests.unit.isolation.requests import Attack

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TASKS = "tests.unit.isolation.attacks"
_LISTENERS = {
    "tcp_4": (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
    "tcp_6": (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
    "udp_4": (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
    "udp_6": (socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
}


@contextmanager
def targets(place: Workplace, folder: Path) -> Iterator[dict[str, str]]:
    """What an attacker may know. `folder` is an empty one outside of `place`. The environment has the secret."""
    assert SECRET in os.environ.values()
    credentials = folder / ".aws" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text(f"[default]\naws_secret_access_key = {SECRET}\n")
    (place.inputs / "upload.mkv").write_bytes(b"upload")
    memory = ctypes.create_string_buffer(SECRET.encode())
    abstract = f"avflow-test-{os.getpid()}"
    with ExitStack() as stack:
        other = stack.enter_context(workplace())
        (other.work / "converted.avi").write_text("another's film")
        neighbour = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        stack.callback(neighbour.wait)
        stack.callback(neighbour.kill)
        ports = {}
        for name, (family, kind, address) in _LISTENERS.items():
            canary = stack.enter_context(socket.socket(family, kind))
            canary.bind((address, 0))
            if kind == socket.SOCK_STREAM:
                canary.listen()
            ports[name] = str(canary.getsockname()[1])
        for path in (f"\0{abstract}", str(folder / "socket")):
            canary = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            canary.bind(path)
            canary.listen()
        yield {
            **ports,
            "secret": SECRET,
            "parent": str(os.getpid()),
            "parent_group": str(os.getpgid(0)),
            "neighbour": str(neighbour.pid),
            "address": str(ctypes.addressof(memory)),
            "credentials": str(credentials),
            "abstract": abstract,
            "path_socket": str(folder / "socket"),
            "folder": str(place.folder),
            "input": str(place.inputs / "upload.mkv"),
            "other": str(other.work / "converted.avi"),
            "models": str(ModelStore().root),
            "code": str(Path(__file__)),
            "crontab": str(folder / "crontab"),
            "python": os.path.realpath(sys.executable),
            "program": binary(),
            "loader": interpreter(Path(binary())) or "/lib64/ld-linux-x86-64.so.2",
        }


def main() -> None:
    """Attack with all parts of the isolation, and without the parts that the command line names."""
    os.environ["AWS_SECRET_ACCESS_KEY"] = SECRET
    with (
        workplace() as place,
        tempfile.TemporaryDirectory() as folder,
        targets(place, Path(folder)) as facts,
        MediaWorker(TASKS, place, programs=True, without=sys.argv[1:]) as worker,
    ):
        found = worker.do(Attack(facts)).succeeded
        print(json.dumps({"isolation": worker.isolation.to_dict(), "tried": len(ATTACKS), "succeeded": found}))


if __name__ == "__main__":
    main()
