"""A folder that is watched: a file is taken once it is whole."""

import os

import pytest

from avflow_cli.watching import SETTLED_SECONDS, Watch


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def watched(tmp_path):
    """The names that are ready after some seconds, as a function."""
    clock = Clock()
    watch = Watch(tmp_path, tmp_path / "result", clock)

    def after(seconds):
        clock.now += seconds
        return [clip.name for clip in watch.settled()]

    after.watch = watch
    return after


def test_a_file_that_grows_is_taken_when_it_stays_the_same(tmp_path, watched):
    film = tmp_path / "deep" / "film.mp4"
    film.parent.mkdir()
    film.write_bytes(b"")
    assert [watched(1) for _ in range(5)] == [[]] * 5, "empty"
    for size in range(1, 5):
        film.write_bytes(b"x" * size)
        assert watched(1) == []
    assert watched(SETTLED_SECONDS - 0.5) == []
    assert watched(1) == ["deep/film.mp4"]
    assert watched(60) == []


def test_a_file_that_is_replaced_is_taken_again(tmp_path, watched):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"one")
    watched(1)
    assert watched(3) == ["film.mp4"]
    film.write_bytes(b"another")
    watched(1)
    assert watched(3) == ["film.mp4"]
    film.unlink()
    assert watched(3) == []
    film.write_bytes(b"another")
    watched(1)
    assert watched(3) == ["film.mp4"]


def test_results_hidden_files_and_others_are_not_taken(tmp_path, watched):
    for name in ("result/a.avi", ".b.mp4", "notes.txt", "ours.avi", "c.mp4", "b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"film")
    watched.watch.ours.add(os.fspath(tmp_path / "ours.avi"))
    watched(1)
    assert watched(3) == ["b.mp4", "c.mp4"]


def test_what_was_there_at_the_beginning_is_told_once(tmp_path, watched):
    for name in ("old.mp4", "other.mp4"):
        (tmp_path / name).write_bytes(b"film")
    watched(1)
    (tmp_path / "new.mp4").write_bytes(b"film")
    watched(1)
    clock = watched.watch.clock
    clock.now += 3
    found = watched.watch.settled()
    assert [(clip.name, watched.watch.was_there(clip)) for clip in found] == [
        ("new.mp4", False), ("old.mp4", True), ("other.mp4", True),
    ]  # fmt: skip
    assert [watched.watch.was_there(clip) for clip in found] == [False] * 3


def test_looks_are_a_second_apart(tmp_path, watched):
    (tmp_path / "a.mp4").write_bytes(b"film")
    assert [watched(0.1) for _ in range(9)] == [[]] * 9
    assert watched(5) == ["a.mp4"]


def test_a_folder_that_goes_away_for_a_while(tmp_path):
    clock = Clock()
    watch = Watch(tmp_path / "drive", tmp_path / "out", clock)
    assert watch.settled() == []
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "a.mp4").write_bytes(b"film")
    clock.now += 5
    assert watch.settled() == []
    clock.now += 5
    assert [clip.name for clip in watch.settled()] == ["a.mp4"]
