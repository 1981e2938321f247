"""What people would take today against `avflow run` on the same video: `python -m benchmarks.peers`.

`yolo predict` of ultralytics draws boxes on the video, then whisper-ctranslate2 writes its subtitles,
one after the other, each with its own defaults. `make peers` installs both in an environment of their
own; they are programs to compare with, and nothing of them is imported here (ultralytics is AGPL-3.0).
Neither may fetch anything: the network is a .yaml of ultralytics with random weights, and Whisper's
files are this project's own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from avflow.media import probe
from avflow.models.store import ModelStore
from benchmarks.chain import avflow_run
from benchmarks.common import ROOT, SAMPLE, Result, command_line, in_turn, median_ratio, repeated, seconds

PROGRAMS = ROOT / ".venv-peers" / "bin"
YOLO, WHISPER = "yolo", "whisper-ctranslate2"
UNAVAILABLE = "`make peers` has not installed ultralytics and whisper-ctranslate2"
RATIO = "yolov3-tiny: avflow run over ultralytics and whisper-ctranslate2, one after the other"
SPEECH_MODEL = "whisper-tiny.en"
#: the folder that yolo makes for its video
BOXED = "boxes"
#: seconds of video
LENGTH, QUICK_LENGTH = 88, 11
#: neither program looks for updates, packages, fonts or models, or reports its use
OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "HF_HUB_OFFLINE": "1"}


def available() -> bool:
    """Whether both programs are installed."""
    return all((PROGRAMS / name).is_file() for name in (YOLO, WHISPER))


def predict(video: Path, folder: Path) -> None:
    """Boxes on every frame of `video`. Raises RuntimeError if it failed."""
    arguments = ["predict", "model=yolov3-tiny.yaml", f"source={video}", "imgsz=416", "save=True", "device=cpu"]
    _run(YOLO, [*arguments, f"project={folder}", f"name={BOXED}", "exist_ok=True"], folder)


def transcribe(video: Path, folder: Path) -> None:
    """Subtitles of `video`. Raises RuntimeError if it failed."""
    model = ModelStore().path(SPEECH_MODEL)
    arguments = ["--model_directory", str(model), "--language", "en", "--device", "cpu", "--output_format", "srt"]
    _run(WHISPER, [str(video), *arguments, "--output_dir", str(folder)], folder)


def check(video: Path, folder: Path) -> None:
    """Raises RuntimeError if one of the two has not done all of its work: only what is done may be compared."""
    drawn = {path.stem: _frames(path) for path in (folder / BOXED).iterdir()}
    if drawn != {video.stem: _frames(video)}:
        raise RuntimeError(f"yolo predict drew {drawn} frames, of {_frames(video)} in {video.name}")
    if "-->" not in (folder / f"{video.stem}.srt").read_text(encoding="utf-8"):
        raise RuntimeError(f"{WHISPER} heard nothing in {video.name}")


def _run(name: str, arguments: list[str], folder: Path) -> None:
    """A peer in `folder`, where it also keeps its settings."""
    environment = {**os.environ, **OFFLINE, "YOLO_CONFIG_DIR": str(folder)}
    command = [str(PROGRAMS / name), *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with status {done.returncode}: {done.stdout[-2000:]}")


def _frames(video: Path) -> int:
    picture = probe(video).video
    return picture.frames if picture else 0


def measure(length: float, rounds: int, folder: Path, result: Result) -> None:
    """The two peers, then avflow, in turn; each once for nothing before, on the sample."""
    video = repeated(SAMPLE, length, folder / "video.mkv")

    def both_of(clip: Path) -> list[float]:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            target = Path(name)
            times = in_turn(1, lambda: predict(clip, target), lambda: transcribe(clip, target))
            check(clip, target)
        return [took for (took,) in times]

    ours_of = partial(avflow_run, model="yolov3-tiny", out=folder / "out")
    both_of(SAMPLE)
    ours_of(SAMPLE)
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(both_of(video))
        ours.append(seconds(partial(ours_of, video)))
    on = f"{length:g} s, {_frames(video)} frames"
    for name, times in zip(("ultralytics' yolo predict", WHISPER), zip(*theirs, strict=True), strict=True):
        result.row(f"{on}: {name}", statistics.median(times), "s")
    result.row(f"{on}: avflow run", statistics.median(ours), "s")
    result.ratio(RATIO, median_ratio([sum(times) for times in theirs], ours))


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=2).parse_args()
    result = Result("What people would take today against avflow run", quick=options.quick)
    result.declare(RATIO)
    if available():
        with tempfile.TemporaryDirectory() as folder:
            measure(QUICK_LENGTH if options.quick else LENGTH, options.rounds, Path(folder), result)
    else:
        result.skip(UNAVAILABLE, RATIO)
    result.notes.append(
        f"The sample repeated; {options.rounds} rounds, after one of the sample once for nothing. The peers have "
        "their own defaults. ultralytics' YOLOv3-tiny has random weights, which find no objects or few: what it would "
        "take to draw them is left out, in its favour. It infers 416x320 pixels of each frame; avflow infers 416x416, "
        "with the published weights, and its time has the start of the embedded AWS and the deployment in it."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
