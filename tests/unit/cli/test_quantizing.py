"""`avflow models quantize` decodes frames in a media process, too."""

import pytest

from avflow.errors import MediaWorkFailed
from avflow.models.store import ModelStore
from avflow_cli import models

#: a playlist that would make FFmpeg open another file
PLAYLIST = "ffconcat version 1.0\nfile {secret}\n"


def test_frames_that_open_another_file_find_none(tmp_path):
    ModelStore().fetch("yolov3-tiny")
    secret = tmp_path / "secret.y4m"
    secret.write_bytes(b"YUV4MPEG2 W2 H2 F1:1\nFRAME\n" + bytes(6))
    frames = tmp_path / "frames.ffconcat"
    frames.write_text(PLAYLIST.format(secret=secret.name))
    with pytest.raises(MediaWorkFailed, match=r"read_frames failed: .*Permission|Operation not permitted"):
        models.quantize("yolov3-tiny", frames)
