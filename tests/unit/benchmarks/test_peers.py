"""The benchmark against what people would take today; its programs stand in a 6 GB environment, here are others."""

import json
import subprocess
import sys

import pytest

from avflow.models.store import ModelStore
from benchmarks import peers
from benchmarks.common import ROOT, SAMPLE, ffmpeg

#: each writes what the real one would for its arguments, and what it was told
YOLO = """
import os, shutil, sys
from pathlib import Path
given = dict(argument.split("=", 1) for argument in sys.argv[2:])
folder = Path(given["project"]) / given["name"]
folder.mkdir()
shutil.copyfile(given["source"], folder / Path(given["source"]).with_suffix(".avi").name)
Path("told").write_text(" ".join([*sys.argv[1:], os.environ["YOLO_OFFLINE"], os.environ["YOLO_CONFIG_DIR"]]))
"""
WHISPER = """
import sys
from pathlib import Path
target = Path(sys.argv[sys.argv.index("--output_dir") + 1])
(target / (Path(sys.argv[1]).stem + ".srt")).write_text("1\\n00:00:00,000 --> 00:00:08,000\\nAnd so\\n")
"""
FAILING = "print('out of memory'); raise SystemExit(3)"


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Installs these as the peers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(peers, "PROGRAMS", folder)
    monkeypatch.setattr(ModelStore, "path", lambda self, name: tmp_path / name)

    def install(**codes):
        for name, code in codes.items():
            program = folder / name.replace("_", "-")
            program.write_text(f"#!{sys.executable}\n{code}")
            program.chmod(0o755)

    return install


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "work"
    target.mkdir()
    return target


def test_the_peers_are_told_to_work_on_the_video_and_to_fetch_nothing(programs, folder):
    programs(yolo=YOLO, whisper_ctranslate2=WHISPER)
    assert peers.available()
    peers.predict(SAMPLE, folder)
    peers.transcribe(SAMPLE, folder)
    peers.check(SAMPLE, folder)
    told = (folder / "told").read_text().split()
    assert told[0] == "predict"
    assert {"model=yolov3-tiny.yaml", "imgsz=416", "save=True", f"source={SAMPLE}"} <= set(told)
    assert told[-2:] == ["true", str(folder)]


def test_a_peer_that_fails_is_an_error_with_its_last_words(programs, folder):
    programs(yolo=FAILING)
    with pytest.raises(RuntimeError, match="yolo ended with status 3: out of memory"):
        peers.predict(SAMPLE, folder)


def test_work_that_is_not_all_done_is_not_compared(programs, folder, tmp_path):
    programs(yolo=YOLO, whisper_ctranslate2=WHISPER)
    peers.predict(SAMPLE, folder)
    with pytest.raises(FileNotFoundError):
        peers.check(SAMPLE, folder)
    (folder / f"{SAMPLE.stem}.srt").write_text("")
    with pytest.raises(RuntimeError, match="heard nothing"):
        peers.check(SAMPLE, folder)
    cut = folder / peers.BOXED / f"{SAMPLE.stem}.avi"
    ffmpeg("-i", SAMPLE, "-frames:v", 5, cut)
    with pytest.raises(RuntimeError, match=r"5\} frames, of 110 in my_video.mkv"):
        peers.check(SAMPLE, folder)


def test_without_the_peers_the_ratio_says_what_to_type(tmp_path):
    found = tmp_path / "peers.json"
    code = (
        "import sys; from pathlib import Path; from benchmarks import peers; peers.PROGRAMS = Path('/nowhere');"
        f"sys.argv = ['peers', '--json', {str(found)!r}]; peers.main()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    result = json.loads(found.read_text())
    assert result["skipped"] == {peers.RATIO: peers.UNAVAILABLE}
    assert "make peers" in peers.UNAVAILABLE
    assert result["ratios"] == {}


def test_peers_are_pinned_by_hashes_and_never_imported():
    lines = (ROOT / "requirements" / "peers.txt").read_text().splitlines()
    pins = [line for line in lines if "==" in line and not line.lstrip().startswith("#")]
    assert all(line.endswith("\\") for line in pins)
    wanted = [
        line for line in (ROOT / "requirements" / "peers.in").read_text().splitlines() if not line.startswith("#")
    ]
    assert len(wanted) == 6
    assert all(any(pin.startswith(f"{name} ") for pin in pins) for name in wanted)
    for requirements in (ROOT / "requirements").glob("*.txt"):
        if requirements.name != "peers.txt":
            assert "ultralytics" not in requirements.read_text(), requirements.name
