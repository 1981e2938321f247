"""Bad and unusual inputs through the whole workflow."""

import os

import av
import pysubs2
import pytest

from avflow.models.store import ModelStore
from tests.e2e.conftest import SAMPLE, avflow, ffmpeg, run_video
from tests.result_sets import OF_AUDIO, SILENT, named
from tests.schemas import validate

EMPTY = "InvalidMediaEmpty"


def bad(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return run_video(tmp_path / name, tmp_path / "result")


def assert_one_clear_line(run, error):
    """One line says what is wrong; the end of the step's log follows."""
    lines = run.err.strip().splitlines()
    assert lines[0].startswith(f"avflow: {error}: ")
    assert lines[1].startswith("avflow: the end of the log of Lambda function av-workflow-FFmpegFunction (")
    assert all(line.startswith("  ") for line in lines[2:-1]), run.err
    assert lines[-1].endswith(".error.log")
    assert run.status == os.EX_DATAERR


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [("notes.mp4", b"This is a list of things to do.\n" * 50, "InvalidMediaUnreadable"), ("empty.mkv", b"", EMPTY)],
)
def test_what_is_no_media_is_named_before_anything_is_paid_for(tmp_path, name, content, error):
    run = bad(tmp_path, name, content)
    assert_one_clear_line(run, error)
    stem = name.partition(".")[0]
    assert run.files == {f"{stem}.error.json", f"{stem}.error.log"}
    kept = (run.folder / f"{stem}.error.log").read_text(encoding="utf-8")
    assert kept.startswith("=== Lambda function av-workflow-FFmpegFunction (")
    assert f"[ERROR] {error}" in kept
    report = run.json(f"{stem}.error.json")
    validate(report, "error-report")
    assert report["error"] == error
    assert name in report["message"]
    assert "upload" in report["advice"].lower()
    assert "Batch" not in run.out, "no job was started"


@pytest.mark.slow
def test_less_than_half_of_a_video_is_refused(tmp_path):
    run = bad(tmp_path, "cut.mkv", SAMPLE.read_bytes()[: SAMPLE.stat().st_size * 2 // 5])
    assert_one_clear_line(run, "InvalidMediaTruncated")
    assert run.files == {"cut.error.json", "cut.error.log"}


@pytest.mark.slow
def test_a_cut_video_is_processed_as_far_as_it_goes_unless_a_setting_refuses_it(tmp_path, monkeypatch):
    (tmp_path / "cut.mkv").write_bytes(SAMPLE.read_bytes()[: SAMPLE.stat().st_size * 4 // 5])
    run = run_video(tmp_path / "cut.mkv", tmp_path / "result")
    assert run.status == 0, run.err
    assert run.files == named("cut")
    manifest = run.json("cut.json")
    validate(manifest, "manifest")
    assert manifest["input"]["truncated"] is True
    assert 7 < manifest["input"]["duration"] < manifest["input"]["announced_seconds"] < 11.1
    (warning,) = [warning for warning in manifest["warnings"] if warning["name"] == "Truncated"]
    assert " ".join(warning["message"].split()) in " ".join(run.out.split())
    monkeypatch.setenv("ON_TRUNCATED", "fail")
    assert_one_clear_line(run_video(tmp_path / "cut.mkv", tmp_path / "refused"), "InvalidMediaTruncated")


def test_sound_alone_gets_its_subtitles(tmp_path):
    source = tmp_path / "l'été #1 100% 🎬.mp3"
    ffmpeg("-i", SAMPLE, "-vn", "-c:a", "libmp3lame", source)
    run = run_video(source, tmp_path / "result")
    assert run.status == 0, run.err
    assert run.files == named(source.stem, OF_AUDIO | {".json"})
    text = " ".join(cue.plaintext for cue in pysubs2.load(run.folder / f"{source.stem}.srt"))
    assert "what your country can do for you" in text.replace("\n", " ")
    assert "Yolov3" not in run.out


@pytest.mark.slow
def test_a_silent_film_gets_its_boxes_and_a_converted_one_keeps_its_length(tmp_path):
    """A video like a phone's: rotated by 90 degrees, with an odd size, without audio. Its name begins with a dash."""
    plain, film = tmp_path / "plain.mp4", tmp_path / "-film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=321x241:r=30000/1001:d=2", "-pix_fmt", "yuv444p", "-c:v", "libx264", plain)
    ffmpeg("-display_rotation", "90", "-i", plain, "-c", "copy", f"file:{film}")
    run = run_video(film, tmp_path / "result")
    assert run.status == 0, run.err
    assert run.files == named("-film", SILENT)
    assert "rotated" in run.json("-film.json")["converted_because"]
    with av.open(str(run.folder / "-film.avi")) as result:
        assert str(result.streams.video[0].average_rate) == "30000/1001"
        assert len(list(result.decode(video=0))) == 60
        assert result.streams.video[0].height > result.streams.video[0].width
        assert not result.streams.audio


def test_a_file_that_is_not_there(tmp_path):
    run = run_video(tmp_path / "nothing.mkv", tmp_path)
    assert run.status == os.EX_NOINPUT
    assert "nothing.mkv is not a file" in run.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["dance"],
        ["run", "--lambda-timeout", "soon", "a.mkv"],
        ["run", "--lambda-memory", "0", "a.mkv"],
        ["run", "--segment-seconds", "inf", "a.mkv"],
    ],
    ids=str,
)
def test_wrong_usage(arguments):
    done = avflow(*arguments)
    assert done.returncode == os.EX_USAGE
    assert "Usage: avflow" in done.stderr


def test_a_wrong_variable_is_named_as_it_was_given(monkeypatch):
    monkeypatch.setenv("DETECTOR_PRECISION", "fp64")
    done = avflow("run", "a.mkv")
    assert done.returncode == os.EX_USAGE
    assert "(env var: 'DETECTOR_PRECISION'): 'fp64' is not one of 'fastest', 'fp32', 'int8'." in done.stderr


def test_int8_that_was_never_made_is_told_before_anything_runs(tmp_path, monkeypatch):
    here = ModelStore()
    for name in ("yolov3-tiny", "whisper-base"):
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / name).symlink_to(here.path(name))
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "models"))
    run = run_video(SAMPLE, tmp_path / "out", "--detector-precision", "int8")
    assert (run.status, run.files) == (os.EX_UNAVAILABLE, set())
    assert "Make it with `avflow models quantize yolov3-tiny`" in run.err


def test_an_unknown_model(tmp_path):
    run = run_video(SAMPLE, tmp_path, "--yolov3-model", "yolov9")
    assert run.status == os.EX_USAGE
    assert "yolov9" in run.err
    assert "yolov3-tiny" in run.err, "the error lists the known models"


def test_a_model_of_the_wrong_kind(tmp_path):
    run = run_video(SAMPLE, tmp_path, "--speech-model", "yolov3-tiny")
    assert run.status == os.EX_USAGE
    assert "'yolov3-tiny' is not a speech model" in run.err


# ---------------------------------------------------------------- the folder for the results
def test_the_video_itself_is_never_replaced(tmp_path):
    film = tmp_path / "film.avi"
    film.write_bytes(b"my only copy")
    run = run_video(film, tmp_path)
    assert run.status == os.EX_CANTCREAT
    assert "would replace the video itself" in run.err
    assert film.read_bytes() == b"my only copy"


@pytest.mark.parametrize("name", ["film.srt", "film.json", "film.avi"])
def test_files_that_are_no_results_are_not_touched(tmp_path, name):
    (tmp_path / "film.mkv").write_bytes(SAMPLE.read_bytes())
    (tmp_path / name).write_text("mine")
    run = run_video(tmp_path / "film.mkv", tmp_path)
    assert run.status == os.EX_CANTCREAT
    assert f"has {name}, not written by av-workflow" in run.err
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.slow
def test_earlier_results_are_replaced_and_what_no_longer_holds_is_removed(tmp_path):
    film = tmp_path / "film.mkv"
    film.write_bytes(b"no film at all")
    first = run_video(film, tmp_path / "out")
    assert (first.status, first.files) == (os.EX_DATAERR, {"film.error.json", "film.error.log"})
    film.write_bytes(SAMPLE.read_bytes())
    second = run_video(film, tmp_path / "out")
    assert second.status == 0, second.err
    assert not {"film.error.json", "film.error.log"} & second.files
    assert "film.avi" in second.files
    film.write_bytes(b"no film again")
    third = run_video(film, tmp_path / "out")
    assert third.status == os.EX_DATAERR
    assert third.files == second.files | {"film.error.json", "film.error.log"}, "as on AWS, existing results stay"


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("a file")
    done = avflow("run", "--out", tmp_path / "out", "--", SAMPLE)
    assert done.returncode == os.EX_CANTCREAT
    assert len(done.stderr.strip().splitlines()) == 1
