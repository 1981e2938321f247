"""Something to steal: credentials, a loopback network, a neighbour, and the folder of another upload."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from avflow.ffmpeg import binary
from avflow.isolation.permissions import interpreter
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace, workplace
from avflow.models.store import ModelStore

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TASKS = "tests.unit.isolation.attacks"


@pytest.fixture
def place() -> Iterator[Workplace]:
    with workplace() as made:
        (made.inputs / "upload.mkv").write_bytes(b"upload")
        yield made


@pytest.fixture
def facts(place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What an attacker may know. At its end nothing may have reached the canaries."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    credentials = tmp_path / ".aws" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text(f"[default]\naws_secret_access_key = {SECRET}\n")
    memory = ctypes.create_string_buffer(SECRET.encode())
    with ExitStack() as stack:
        other = stack.enter_context(workplace())
        (other.work / "converted.avi").write_text("another's film")
        neighbour = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        stack.callback(neighbour.wait)
        stack.callback(neighbour.kill)
        ports = {}
        for name, family, kind, address in (
            ("tcp_4", socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
            ("tcp_6", socket.AF_INET6, socket.SOCK_STREAM, "::1"),
            ("udp_4", socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
            ("udp_6", socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
        ):
            canary = stack.enter_context(socket.socket(family, kind))
            canary.bind((address, 0))
            if kind == socket.SOCK_STREAM:
                canary.listen()
            ports[name] = str(canary.getsockname()[1])
        for address in (f"\0avflow-test-{os.getpid()}", str(tmp_path / "socket")):
            canary = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            canary.bind(address)
            canary.listen()
        yield {
            **ports,
            "secret": SECRET,
            "parent": str(os.getpid()),
            "parent_group": str(os.getpgid(0)),
            "neighbour": str(neighbour.pid),
            "address": str(ctypes.addressof(memory)),
            "credentials": str(credentials),
            "abstract": f"avflow-test-{os.getpid()}",
            "path_socket": str(tmp_path / "socket"),
            "folder": str(place.folder),
            "input": str(place.inputs / "upload.mkv"),
            "other": str(other.work / "converted.avi"),
            "models": str(ModelStore().root),
            "code": str(Path(__file__)),
            "crontab": str(tmp_path / "crontab"),
            "python": os.path.realpath(sys.executable),
            "program": binary(),
            "loader": interpreter(Path(binary())) or "/lib64/ld-linux-x86-64.so.2",
        }


@pytest.fixture
def worker(place: Workplace) -> Iterator[MediaWorker]:
    """A media process with all parts, which may run FFmpeg."""
    with MediaWorker(TASKS, place, programs=True) as started:
        yield started
