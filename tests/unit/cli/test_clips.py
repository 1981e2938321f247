"""Which videos a command means, and the paths that they keep."""

import json
import os
from pathlib import Path

import pytest

from avflow.errors import SourceMissing
from avflow_cli.clips import find, in_folder, is_many, is_result
from avflow_cli.outcomes import DONE, FAILED, NOT_STARTED, Outcome, summary_of, worst
from avflow_cli.output import Output
from avflow_cli.video import WrongVideo

OUT = Path("result")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The current folder, with videos in folders."""
    for name in (
        "a.mp4", "one/clip.mp4", "one/z.MOV", "one/deep/b.mkv", "one/.hidden.mp4", "one/.hidden/c.mp4", "one/notes.txt",
        "two/clip.mp4", "two/clip.mov", "odd [1].mp4", "result/a.avi",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*texts, **more):
    return [clip.name for clip in find(texts, OUT, **more)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["one"], ["clip.mp4", "z.MOV", "deep/b.mkv"]),
        (["one/"], ["clip.mp4", "z.MOV", "deep/b.mkv"]),
        (["one", "two"], ["one/clip.mp4", "one/z.MOV", "one/deep/b.mkv", "two/clip.mov", "two/clip.mp4"]),
        (["one/clip.mp4", "two/clip.mp4"], ["one/clip.mp4", "two/clip.mp4"]),
        (["two/clip.mp4", "two/clip.mov"], ["clip.mp4", "clip.mov"]),
        (["a.mp4", "one/deep"], ["a.mp4", "one/deep/b.mkv"]),
        (["*/clip.*"], ["one/clip.mp4", "two/clip.mov", "two/clip.mp4"]),
        (["two/*.mo[vx]"], ["clip.mov"]),
        (["one/**/*.mkv"], ["deep/b.mkv"]),
        (["o*"], ["odd [1].mp4", "one/clip.mp4", "one/z.MOV", "one/deep/b.mkv"]),
        (["odd [1].mp4", "a.mp4"], ["odd [1].mp4", "a.mp4"]),
        (["one/notes.txt", "a.mp4"], ["one/notes.txt", "a.mp4"]),
        (["a.mp4", "./a.mp4", "."], ["a.mp4", "odd [1].mp4", "one/clip.mp4", "one/z.MOV", "one/deep/b.mkv",
                                     "two/clip.mov", "two/clip.mp4"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_named_and_the_paths_that_are_kept(tree, texts, expected):
    assert names(*texts) == expected


def test_absolute_paths_and_those_above_keep_theirs_too(tree, monkeypatch):
    assert names(str(tree / "one"), str(tree / "two" / "clip.mov"))[-1] == "two/clip.mov"
    monkeypatch.chdir(tree / "one" / "deep")
    assert names("b.mkv", "../clip.mp4") == ["deep/b.mkv", "clip.mp4"]
    monkeypatch.setenv("HOME", str(tree))
    assert names("~/two/*.mov") == ["clip.mov"]


def test_the_folder_that_is_watched_counts(tree):
    assert names("one/deep", also_in=tree / "two") == ["one/deep/b.mkv"]


def test_links_in_a_circle_end(tree):
    (tree / "one" / "again").symlink_to(tree / "one", target_is_directory=True)
    (tree / "one" / "link.mp4").symlink_to(tree / "a.mp4")
    os.mkfifo(tree / "one" / "pipe.mp4")
    assert names("one") == ["clip.mp4", "link.mp4", "z.MOV", "deep/b.mkv"]


@pytest.mark.parametrize(
    ("texts", "error", "said"),
    [
        (["empty"], SourceMissing, "empty has no media file"),
        (["*.xyz"], SourceMissing, r"\*\.xyz matches no media file"),
        (["a.mp4", "b.mp4"], SourceMissing, "b.mp4 is not a file"),
        (["a.mp4", ""], WrongVideo, "VIDEO is empty"),
        (["a.mp4", "https://x.y/z.mp4?a=*"], WrongVideo, "is an address"),
    ],
    ids=str,
)
def test_a_name_that_means_nothing(tree, texts, error, said):
    with pytest.raises(error, match=said):
        find(texts, OUT)


@pytest.mark.parametrize(
    ("texts", "many"),
    [(["a.mp4"], False), (["odd [1].mp4"], False), (["nothing.mp4"], False), ([""], False), (["one"], True),
     (["*.mp4"], True), (["a.mp4", "b"], True), (["https://x.y/*.mp4"], False)],
)  # fmt: skip
def test_one_video_or_several(tree, texts, many):
    assert is_many(texts) is many


def test_results_are_no_uploads(tree):
    manifest = {"execution": "e", "results": ["result/one/clip.avi"]}
    for folder in ("one", "two"):
        (tree / folder / "clip.avi").write_bytes(b"result")
    (tree / "one" / "clip.json").write_text(json.dumps(manifest))
    (tree / "two" / "clip.json").write_text('["somebody else\'s"]')
    assert is_result(tree / "one" / "clip.avi")
    assert [path.name for path in in_folder(Path("two"), OUT)] == ["clip.avi", "clip.mov", "clip.mp4"]
    assert names("one") == ["clip.mp4", "z.MOV", "deep/b.mkv"]


# ---------------------------------------------------------------- names of results
def test_videos_of_one_name_have_results_of_their_own(tree):
    claimed = {}
    bases = [
        Output(tree / "out", clip.path, f"start/{clip.name}", claimed).manifest.relative_to(tree / "out").as_posix()
        for clip in find(["one", "two"], OUT)
    ]
    assert bases == ["one/clip.json", "one/z.json", "one/deep/b.json", "two/clip.json", "two/clip.mp4.json"]
    again = Output(tree / "out", tree / "two" / "clip.mov", "start/two/clip.mov", claimed)
    assert again.manifest == tree / "out" / "two" / "clip.json"


# ---------------------------------------------------------------- exit statuses
def outcome(status, state=FAILED):
    return Outcome(find(["a.mp4"], OUT)[0], state, exit_status=status)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, os.EX_DATAERR], os.EX_DATAERR),
        ([os.EX_NOINPUT, os.EX_DATAERR, 0], os.EX_DATAERR),
        ([os.EX_SOFTWARE, os.EX_UNAVAILABLE], os.EX_SOFTWARE),
        ([os.EX_TEMPFAIL, os.EX_DATAERR], os.EX_TEMPFAIL),
        ([99, os.EX_SOFTWARE], 99),
    ],
)
def test_the_exit_status_is_the_worst(tree, statuses, status):
    assert worst(map(outcome, statuses)) == status


def test_the_summary_counts(tree):
    ended = [outcome(0, DONE), outcome(65), outcome(0, NOT_STARTED), outcome(0, DONE)]
    assert summary_of(ended, 1.23456) == {
        "type": "summary", "done": 2, "failed": 1, "not_started": 1, "seconds": 1.235, "exit_status": 65,
    }  # fmt: skip
