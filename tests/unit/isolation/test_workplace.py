"""What the parent takes over from a media process: files, never what leads elsewhere."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from avflow.errors import MediaAnswerInvalid
from avflow.isolation.workplace import Workplace


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("secret")
    return path


def test_a_file_is_moved_out_of_reach(place: Workplace):
    (place.work / "result.avi").write_bytes(b"film")
    taken = place.take("result.avi")
    assert taken.read_bytes() == b"film"
    assert not (place.work / "result.avi").exists()
    (place.work / "joined").mkdir()
    (place.work / "joined" / "a.mkv").write_bytes(b"joined")
    assert place.take("joined/a.mkv", place.inputs) == place.inputs / "a.mkv"


def nothing(path: Path, secret: Path) -> None:
    pass


def symbolic_link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def hard_link(path: Path, secret: Path) -> None:
    os.link(secret, path)


def pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, secret: Path) -> None:
    path.mkdir()
    (path / "inner").symlink_to(secret)


def socket_file(path: Path, secret: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def linked_folder(path: Path, secret: Path) -> None:
    path.parent.rmdir()
    path.parent.symlink_to(secret.parent)


@pytest.mark.parametrize(
    "trap",
    [nothing, symbolic_link, hard_link, pipe, folder, socket_file, linked_folder],
    ids=lambda trap: trap.__name__,
)
def test_a_trap_is_named_and_never_read(place: Workplace, secret: Path, trap):
    (place.work / "made").mkdir()
    trap(place.work / "made" / "secret", secret)
    with pytest.raises(MediaAnswerInvalid, match="secret"):
        place.take("made/secret")
    assert secret.read_text() == "secret"
