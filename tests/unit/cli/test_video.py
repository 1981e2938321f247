"""The file that the user names as a video: found, or an error that says what to type."""

from pathlib import Path

import pytest

from avflow.errors import AvflowError, SourceMissing
from avflow_cli.video import WrongVideo, find, in_one_name
from tests.unit.cli.conftest import NAMES


def answer(text):
    with pytest.raises(AvflowError) as failure:
        find(text)
    return type(failure.value), f"{failure.value.message} {failure.value.advice}"


@pytest.mark.parametrize("name", ["Holiday film.mp4", "films/one.mp4", "./my_video.mkv", *NAMES])
def test_a_file_is_found_whatever_it_is_called(films, name):
    assert find(name) == Path(name)


def test_a_tilde_that_the_shell_left_is_the_home_folder(films, monkeypatch):
    monkeypatch.setenv("HOME", str(films))
    assert find("~/my_video.mkv") == films / "my_video.mkv"
    (films / "~").mkdir()
    (films / "~" / "my_video.mkv").write_bytes(b"another")
    assert find("~/my_video.mkv") == Path("~/my_video.mkv")
    assert answer("~nobody-of-this-name/a.mp4")[0] is SourceMissing


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_is_no_video(films, text):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert "VIDEO is empty" in said


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("https://a.b/c/My%20film.mp4?x=1&y=2", "curl -L -o 'My film.mp4' 'https://a.b/c/My%20film.mp4?x=1&y=2', then "
         "make run VIDEO='My film.mp4'"),
        ("HTTP://a.b/", "curl -L -o video HTTP://a.b/"),
        ("s3://bucket/start/c.mp4", "aws s3 cp s3://bucket/start/c.mp4 c.mp4, then make run VIDEO=c.mp4"),
        ("file:///tmp/my%20film.mp4", "Give its path: VIDEO='/tmp/my film.mp4'"),
        ("rtsp://camera/1", "Save the video as a file"),
    ],
)  # fmt: skip
def test_an_address_is_told_apart_from_a_file(films, text, advice):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert f"{text} is an address, not a file on this machine." in said
    assert advice in said


def test_of_a_folder_a_file_is_named(films):
    kind, said = answer("films")
    assert kind is SourceMissing
    assert "films is a folder, not a file. Give a file in it: VIDEO=films/one.mp4" in said
    assert said.endswith("or process all: .venv/bin/avflow run -- films")
    assert answer("empty")[1].startswith("empty is a folder")


@pytest.mark.parametrize("text", ["my_video.mkv other.mov", "'Holiday film.mp4' other.mov"])
def test_several_files_in_one_name_are_told(films, text):
    kind, said = answer(text)
    assert kind is WrongVideo
    assert said == f"Several files are given in one name. Give each its own: .venv/bin/avflow run -- {text}"


def test_the_command_for_many_files_is_short():
    assert in_one_name(["a b.mp4", "c", "d", "e"]).advice.endswith("run -- 'a b.mp4' c d …")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("my_vdeo.mkv", "my_video.mkv"),
        ("MY_VIDEO.MKV", "my_video.mkv"),
        ("my_video.mp4", "my_video.mkv"),
        ("my_video", "my_video.mkv"),
        ("other", "other.mov"),
        ("holiday_film.mp4", "Holiday film.mp4"),
        ("film/one.mp4", "films/one.mp4"),
        ("films/on.mp4", "films/one.mp4"),
        ("other.mov ", "other.mov, without the space around it"),
    ],
)
def test_a_near_name_is_suggested(films, text, meant):
    kind, said = answer(text)
    assert kind is SourceMissing
    assert said.endswith(f" is not a file. Did you mean {meant}?")


@pytest.mark.parametrize(("text", "told"), [("zzz.mp4", "zzz.mp4 is not a file"), ("zz/a.mp4", "is no folder zz.")])
def test_nothing_is_suggested_where_nothing_is_near(films, text, told):
    said = answer(text)[1]
    assert told in said
    assert said.endswith("Give the path of a video: make run VIDEO=path.")


def test_what_has_no_bytes_of_its_own_is_told():
    assert "is a device or a pipe, not a regular file" in answer("/dev/null")[1]


def test_names_that_no_file_can_have_get_an_answer_too(tmp_path):
    files = [tmp_path / f"{'long' * 20}-{number}.mkv" for number in range(4)]
    for file in files:
        file.touch()
    with pytest.raises(WrongVideo, match="Several files"):
        find(" ".join(map(str, files)))
    with pytest.raises(SourceMissing, match="is not a file"):
        find("x" * 5000)
    with pytest.raises(WrongVideo) as refused:
        find("http://[a/b.mp4")
    assert refused.value.advice == "Save the video as a file, then give its path: make run VIDEO=path."
