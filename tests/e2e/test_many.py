"""Several videos with one command: their results, its lines of JSON, and its end."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT, avflow, ffmpeg
from tests.waiting import until

FAST = ("--speech-model", "whisper-tiny.en", "--json")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second of a test picture with a beep."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=440:d=1"),
        *("-c:v", "libx264", "-c:a", "aac", path),
    )
    return path


def lines(done):
    """Standard output, which has nothing but JSON: the videos by name, and the summary."""
    *videos, summary = map(json.loads, done.stdout.splitlines())
    assert {video["type"] for video in videos} <= {"video"}
    assert summary["type"] == "summary"
    return {video["name"]: video for video in videos}, summary


@pytest.mark.slow
def test_videos_of_one_name_keep_their_results_apart(tmp_path, clip):
    for name in ("one/clip.mp4", "two/clip.mp4", "two/clip.mov"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / name)
    (tmp_path / "two" / "empty.mkv").touch()
    out = tmp_path / "out"
    done = avflow("run", "--keep-going", "--out", out, *FAST, "--", tmp_path / "one", f"{tmp_path}/two/*")
    videos, summary = lines(done)
    assert done.returncode == os.EX_DATAERR, done.stderr
    assert (summary["done"], summary["failed"], summary["exit_status"]) == (3, 1, os.EX_DATAERR)
    assert videos["two/empty.mkv"]["error"] == "InvalidMediaEmpty"
    assert "0 bytes" in videos["two/empty.mkv"]["message"]
    for name, stem in {"one/clip.mp4": "one/clip", "two/clip.mov": "two/clip", "two/clip.mp4": "two/clip.mp4"}.items():
        assert videos[name]["manifest"] == f"{out}/{stem}.json"
        assert json.loads((out / f"{stem}.json").read_text())["source"]["key"] == f"start/{name}"
        assert len((out / f"{stem}.detections.jsonl").read_text().splitlines()) == 10
        assert {f"{out}/{stem}{suffix}" for suffix in (".avi", ".srt", ".json")} <= set(videos[name]["files"])


@pytest.mark.slow
def test_after_the_first_failure_no_more_are_started(tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02}.mp4").write_text("a list of things to do\n" * 20)
    done = avflow("run", "--out", tmp_path / "out", *FAST, tmp_path)
    videos, summary = lines(done)
    assert done.returncode == os.EX_DATAERR
    assert len(videos) == 20
    assert summary["failed"] >= 1
    assert summary["not_started"] >= 10
    assert videos["19.mp4"]["state"] == "not started"
    assert videos["00.mp4"]["error"] == "InvalidMediaUnreadable"
    assert not (tmp_path / "out" / "19.error.json").exists()


@pytest.mark.slow
def test_a_folder_is_watched_until_it_is_interrupted(tmp_path, clip):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    command = [sys.executable, "-m", "avflow_cli.main", "run", "--out", incoming, *FAST, "--watch", incoming]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            (incoming / "no.mp4").write_text("no film\n" * 20)
            shutil.copy(clip, incoming / "film.mkv")
            ended = [json.loads(process.stdout.readline()) for _ in range(2)]
            assert {each["name"]: each["state"] for each in ended} == {"no.mp4": "failed", "film.mkv": "done"}
            assert (incoming / "film.json").is_file()
            (incoming / "late.mp4").write_text("still no film\n" * 20)
            assert json.loads(process.stdout.readline())["name"] == "late.mp4"
            process.send_signal(signal.SIGINT)
            until(lambda: process.poll() is not None, "the end", 10)
            out, err = process.communicate()
        finally:
            process.kill()
    assert process.returncode == 130
    assert json.loads(out) == {**json.loads(out), "done": 1, "failed": 2, "not_started": 0}
    assert err == "avflow: interrupted\n"
    # what it has done is not done again; its results are not taken for uploads
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            again = {json.loads(process.stdout.readline())["name"] for _ in range(2)}
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert again == {"no.mp4", "late.mp4"}
    assert len(out.splitlines()) == 1
