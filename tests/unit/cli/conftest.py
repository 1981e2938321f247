"""A folder with videos of all kinds of names."""

import pytest

NAMES = [
    "it's.mp4",
    'a "b".mkv',
    "cost $5 $(id).mp4",
    "#1.mov",
    "50%.mp4",
    "a;b&c|d.avi",
    "`x`.mp4",
    "-dash.mp4",
    "ä 🎬.mp4",
]


@pytest.fixture
def films(tmp_path, monkeypatch):
    """The current folder, with some videos."""
    for name in ("Holiday film.mp4", "my_video.mkv", "other.mov", *NAMES):
        (tmp_path / name).write_bytes(b"film")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "one.mp4").write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
