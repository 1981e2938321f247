"""Distinct names stay distinct on a file system that treats them as the same; the tests use a fake one."""

import json
import os
import unicodedata
from pathlib import Path

import pytest

from avflow.errors import ModelManifestInvalid
from avflow.filenames import as_stored, folded
from avflow.models.manifest import load_manifest
from avflow.models.store import ModelStore
from avflow.workflow.layout import VideoRef
from avflow_cli.output import SUFFIXES, Output, OutputUnusable
from lambdas.start.naming import video_of

COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
ALIKE = [("Film", "film"), (COMPOSED, DECOMPOSED), (DECOMPOSED.upper(), COMPOSED), ("straße", "STRASSE")]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_fold_to_the_same(one, other):
    assert one != other
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("cafe", "café"), ("film.mp4", "film.mov"), ("1", "l")])
def test_names_that_fold_to_different_ones(one, other):
    assert folded(one) != folded(other)


# ---------------------------------------------------------------- names that the workflow makes
def uploaded(key, version="1"):
    return video_of({"detail": {"bucket": {"name": "b"}, "object": {"key": key, "version-id": version, "size": 1}}})


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_executions_and_their_objects_stay_separate(one, other):
    videos = [VideoRef.from_dict(uploaded(f"start/{name}.mp4")) for name in (one, other)]
    assert [video.key for video in videos] == [f"start/{one}.mp4", f"start/{other}.mp4"]
    assert len({folded(video.execution) for video in videos}) == 2
    for keys in zip(*((video.media_json, video.wav(0), video.converted) for video in videos), strict=True):
        assert len({folded(key) for key in keys}) == 2
    assert len({video.result(".avi") for video in videos}) == 2, "S3 keeps both results"


# ---------------------------------------------------------------- the folder of the results
class Forgiving:
    """A file system that stores the first spelling of a name and finds the file under every other spelling."""

    def __init__(self, monkeypatch):
        real_open, real_exists, real_stat = Path.open, Path.exists, Path.stat
        monkeypatch.setattr(Path, "open", lambda path, *args, **kwargs: real_open(self.kept(path), *args, **kwargs))
        monkeypatch.setattr(Path, "exists", lambda path, **options: real_exists(self.kept(path), **options))
        monkeypatch.setattr(Path, "stat", lambda path, **options: real_stat(self.kept(path), **options))

    @staticmethod
    def kept(path):
        alike = [name for name in os.listdir(path.parent) if folded(name) == folded(path.name)]  # noqa: PTH208
        return path.with_name(alike[0]) if alike else path


@pytest.fixture
def forgiving(monkeypatch):
    return Forgiving(monkeypatch)


@pytest.fixture
def video(tmp_path_factory):
    """A function that creates a video with the given name in a new folder."""

    def video(name):
        path = tmp_path_factory.mktemp("videos") / name
        path.write_bytes(b"film")
        return path

    return video


def leave(folder, stem, kind=".json"):
    """Create the results of an earlier run."""
    (folder / f"{stem}.avi").write_bytes(b"earlier")
    key = f"start/{stem}.mp4"
    told = {"source": {"bucket": "b", "key": key}} if kind == ".json" else {"video": f"s3://b/{key}"}
    (folder / f"{stem}{kind}").write_text(json.dumps({"schema": 1, "execution": "x", **told}), encoding="utf-8")


@pytest.mark.parametrize("kind", [".json", ".error.json"])
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_the_results_of_another_video_are_not_replaced(tmp_path, forgiving, video, one, other, kind):
    leave(tmp_path, one, kind)
    with pytest.raises(OutputUnusable) as refused:
        Output(tmp_path, video(f"{other}.mp4"))
    assert ascii(one) in refused.value.message
    assert ascii(other) in refused.value.message
    assert (tmp_path / f"{one}.avi").read_bytes() == b"earlier"


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_both_are_kept_if_the_file_system_has_two_files(tmp_path, video, one, other):
    leave(tmp_path, one)
    if (tmp_path / f"{other}.avi").exists():
        pytest.skip("this file system treats them as one file")
    Output(tmp_path, video(f"{other}.mp4"))


@pytest.mark.parametrize("stem", ["Film", COMPOSED, DECOMPOSED])
def test_a_videos_own_results_are_replaced(tmp_path, forgiving, video, stem):
    leave(tmp_path, stem)
    Output(tmp_path, video(f"{stem}.mp4"))
    Output(tmp_path, video(f"{stem}.mov"))


def test_a_file_that_the_earlier_run_did_not_write_is_not_replaced(tmp_path, video):
    """An older version wrote no MP4: the one that is there is the user's."""
    leave(tmp_path, "film")
    (tmp_path / "film.mp4").write_text("own")
    with pytest.raises(OutputUnusable, match=r"has film\.mp4, not written by av-workflow"):
        Output(tmp_path, video("film.mp4"))
    manifest = tmp_path / "film.json"
    listed = {"results": ["result/film.avi", "result/film.mp4"]}
    manifest.write_text(json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | listed))
    Output(tmp_path, video("film.mp4"))


def test_the_results_of_an_mp4_in_its_own_folder_have_its_whole_name(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"my only copy")
    assert Output(tmp_path, film).manifest == tmp_path / "film.mp4.json"


def test_the_users_own_file_is_not_replaced_under_another_spelling(tmp_path, forgiving, video):
    (tmp_path / "FILM.srt").write_text("own")
    with pytest.raises(OutputUnusable, match=r"film\.srt, not written by av-workflow"):
        Output(tmp_path, video("film.mp4"))


@pytest.mark.parametrize(
    "report", [{"source": None}, {"source": "text"}, {"video": 7}, {"source": {"key": None}}, {"source": {}}, {}]
)
def test_a_report_without_a_video_counts_as_the_videos_own(tmp_path, video, report):
    (tmp_path / "film.json").write_text(json.dumps({"schema": 1, "execution": "x", **report}))
    Output(tmp_path, video("film.mp4"))


def test_suffixes_differ_on_every_file_system():
    assert len({folded(suffix) for suffix in SUFFIXES}) == len(SUFFIXES)


# ---------------------------------------------------------------- the name of the video
@pytest.mark.parametrize(("stored", "given"), [("Film.MP4", "film.mp4"), (DECOMPOSED, COMPOSED)])
def test_a_video_gets_the_name_that_its_folder_lists(tmp_path, forgiving, stored, given):
    (tmp_path / stored).write_bytes(b"film")
    assert as_stored(tmp_path / given) == tmp_path / stored
    assert as_stored(tmp_path / stored) == tmp_path / stored


def test_a_name_that_is_listed_as_given_stays(tmp_path):
    for name in ("Film.mp4", "film.mp4", COMPOSED, DECOMPOSED):
        (tmp_path / name).write_bytes(name.encode())
        assert as_stored(tmp_path / name).read_bytes() == name.encode()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "Film.mp4")
    assert as_stored(tmp_path / "link.mp4").name == "link.mp4"


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError

    monkeypatch.setattr(os, "listdir", forbidden)
    assert as_stored(tmp_path / "film.mp4") == tmp_path / "film.mp4"


# ---------------------------------------------------------------- models
def manifest(path, *models):
    sha = "0" * 64
    text = ""
    for name, files in models:
        text += f'[[model]]\nname = "{name}"\nkind = "yolov3"\n'
        text += "".join(f'[[model.file]]\nname = "{file}"\nbytes = 1\nsha256 = "{sha}"\n' for file in files)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "models",
    [
        [("mine", ["a"]), ("Mine", ["a"])],
        [("mine", ["a.weights", "A.weights"])],
        [("mine", [f"{COMPOSED}.cfg", f"{DECOMPOSED}.cfg"])],
        [("mine", [".Verified.JSON"])],
    ],
)
def test_a_manifest_with_names_that_fold_to_the_same_is_refused(tmp_path, models):
    with pytest.raises(ModelManifestInvalid):
        load_manifest(manifest(tmp_path / "models.toml", *models))


def test_a_models_name_must_differ_from_existing_ones(tmp_path):
    own = manifest(tmp_path / "models.toml", ("YOLOv3", ["a"]))
    with pytest.raises(ModelManifestInvalid, match=r"'yolov3' and 'YOLOv3' are the same name"):
        ModelStore(tmp_path, own)
    assert ModelStore(tmp_path, manifest(own, ("yolov3", ["a"]))).describe("yolov3").files[0].name == "a"
