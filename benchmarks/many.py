"""Several videos with one command against one command for each: what warm processes are worth.

`python -m benchmarks.many [--clips 20] [--json FILE] [--quick]`

Each clip is one second of video of 64x48 pixels with a beep, so that what is started counts most. First `avflow run`
processes them one after another, in a process of its own each, then all together. Target: at least 1.5 times the
throughput. On a machine that is busy otherwise, the ratio of processor time tells more. On AWS the same is the
difference between a cold and a warm function: `benchmarks/cold_start.py` measures what a handler imports at a cold
start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import ROOT, Result, command_line
from benchmarks.load import tiny_video

#: the models that load fastest
_OPTIONS = ("--yolov3-model", "yolov3-tiny", "--speech-model", "whisper-tiny.en")
TARGET = 1.5


def seconds_of(videos: list[Path], out: Path) -> tuple[float, float]:
    """Seconds of one command that processes the videos: on the clock, and of the processor, with all its processes."""
    command = [sys.executable, "-m", "avflow_cli.main", "run", "--out", str(out), *_OPTIONS, "--", *map(str, videos)]
    began, before = time.monotonic(), os.times()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - began, used


def measure(count: int, folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds on the clock and of the processor for all clips: one after another, and together."""
    clips = [folder / f"{number:02}.mp4" for number in range(count)]
    tiny_video(clips[0])
    for clip in clips[1:]:
        clip.write_bytes(clips[0].read_bytes())
    seconds_of(clips[:1], folder / "warm")  # Python's compiled modules, the translated template, the converted model
    each = [seconds_of([clip], folder / "alone") for clip in clips]
    alone = (sum(seconds for seconds, _ in each), sum(used for _, used in each))
    together = seconds_of(clips, folder / "together")
    for where in ("alone", "together"):
        done = len(list((folder / where).glob("*.avi")))
        assert done == count, f"{done} of {count} videos have results"
    return alone, together


def main() -> None:
    """Measure, and print the table."""
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--clips", type=int, default=20)
    options = parser.parse_args()
    count = 4 if options.quick else options.clips
    result = Result(f"Many at once: {count} clips of one second", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="avflow-many-") as folder:
        alone, together = measure(count, Path(folder))
    for name, (clock, processor) in (("a command for each, one after another", alone), ("one command", together)):
        result.row(name, round(clock / count, 2), "s a clip")
        result.row(f"{name}: processor time", round(processor / count, 2), "s a clip")
    result.row("throughput of one command over that of one for each", round(alone[0] / together[0], 2), "x")
    result.row("the same by processor time", round(alone[1] / together[1], 2), "x")
    result.notes.append(f"Target: at least {TARGET}. On AWS: benchmarks/cold_start.py.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
