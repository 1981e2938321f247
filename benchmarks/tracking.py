"""Identities and speed of the tracker, and of ByteTrack if it is installed: `python -m benchmarks.tracking`.

ByteTrack is that of the package `trackers`, in the environment that `make peers` makes. Both get the same scenes
(benchmarks/tracking_scenes.py).
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from avflow.annotation.pipeline import Extras, annotate_video
from avflow.media import probe
from avflow.tracking import Sighting, Tracker, track_file
from benchmarks import bytetrack
from benchmarks.common import ROOT, SAMPLE, Result, command_line, repeated
from benchmarks.identities import Identities, measure
from benchmarks.pipeline import opened
from benchmarks.tracking_scenes import Box, Difficulty, Frame, scene

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SCENES = {
    "usual": Difficulty(),
    "crowd, 30 objects": Difficulty(objects=30),
    "fast, 180 pixels/s": Difficulty(speed=180, shake=6),
}
RATES, SEEDS = (5, 10, 25, 60), (11, 12, 13, 14)
#: those of ByteTrack's results that are stated
PEER_RATES = (10, 25)
#: least confidences of the sample's objects: as usual, and so low that there are many
THRESHOLDS = (0.25, 0.01, 0.004)
Pairs = Iterator[tuple[dict[int, Box], dict[int, Box]]]


def tracked(frames: Sequence[Frame]) -> Pairs:
    """What is true on each frame, and what the tracker says."""
    tracker, rows = Tracker(), []
    for frame in frames:
        seen = [Sighting(each.class_name, each.confidence, each.box) for each in frame.seen]
        rows.append((seen, tracker.update(frame.time, seen)))
    tracker.finish()
    for frame, (seen, tracks) in zip(frames, rows, strict=True):
        named = zip(seen, tracks, strict=True)
        yield frame.truth, {id(track): each.box for each, track in named if track and track.confirmed}


def by_bytetrack(frames: Sequence[Frame], rate: float, **options: float) -> Pairs:
    """The same of ByteTrack, in the peers' environment."""
    asked = {"rate": rate, "options": options}
    asked |= {"frames": [[(each.class_name, each.confidence, each.box) for each in frame.seen] for frame in frames]}
    command = [str(PYTHON), "-W", "ignore", bytetrack.__file__]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    for frame, tracks in zip(frames, json.loads(done.stdout), strict=True):
        yield frame.truth, {int(track): tuple(box) for track, box in tracks.items()}


def has_bytetrack() -> bool:
    """Whether the peers' environment has it."""
    if not PYTHON.is_file():
        return False
    asks = [str(PYTHON), "-W", "ignore", "-c", "from trackers import ByteTrackTracker"]
    return subprocess.run(asks, capture_output=True, check=False).returncode == 0


def _row(result: Result, name: str, found: Sequence[Identities]) -> None:
    switches, objects = sum(each.switches for each in found), sum(each.objects for each in found)
    tracks = sum(each.tracks for each in found)
    idf1 = statistics.mean(each.idf1 for each in found)
    result.row(f"{name}: IDF1 ({switches} switches, {tracks} tracks of {objects} objects)", round(idf1, 3), "")


def identities(result: Result, *, quick: bool) -> None:
    """IDF1 of both on all scenes."""
    peer = has_bytetrack()
    seeds = SEEDS[:1] if quick else SEEDS
    for name, hard in SCENES.items():
        for rate in RATES:
            scenes = [list(scene(rate, 20, seed, hard)) for seed in seeds]
            _row(result, f"{name}, {rate} frames/s", [measure(tracked(frames)) for frames in scenes])
            if not peer or rate not in PEER_RATES:
                continue
            for label, options in (("ByteTrack", {}), ("ByteTrack, both thresholds 0.5", bytetrack.BOTH)):
                found = [measure(by_bytetrack(frames, rate, **options)) for frames in scenes]
                _row(result, f"{name}, {rate} frames/s, {label}", found)
    if not peer:
        result.notes.append("ByteTrack is not measured: `make peers` has not installed the package trackers.")


def speed(result: Result, *, quick: bool) -> None:
    """Frames per second from file to file, by the number of objects on a frame."""
    for objects in (1, 10, 100, 1000):
        frames = (20_000 if quick else 100_000) // (10 + objects)
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "detections.jsonl"
            source.write_text("".join(_walkers(objects, frames)), encoding="utf-8")
            began = time.process_time()
            track_file([source], Path(folder) / "tracked.jsonl")
            took = time.process_time() - began
        result.row(f"{objects} objects a frame, from file to file", round(frames / took), "frames/s")


def share(result: Result, *, quick: bool) -> None:
    """The share of processor time that tracking takes beside detecting, drawing and encoding with YOLOv3-tiny.

    The other steps of a run are left out: its share of the whole run is smaller.
    """
    with tempfile.TemporaryDirectory() as folder:
        video = repeated(SAMPLE, 11 if quick else 44, Path(folder) / "video.mkv")
        picture = probe(video).video
        assert picture is not None
        lines = video.with_name("detections.jsonl")
        for threshold in THRESHOLDS:
            with opened("yolov3-tiny", threshold=threshold) as detector:
                began = time.process_time()
                boxed = annotate_video(
                    video,
                    picture,
                    detector,
                    video.with_name("boxed.avi"),
                    lines,
                    extras=Extras(video.with_name("boxed.mp4")),
                )
                detected = time.process_time()
                track_file([lines], lines.with_name("tracked.jsonl"))
                took, tracking = time.process_time() - began, time.process_time() - detected
            objects = sum(boxed.objects.values()) / boxed.frames
            result.row(f"{objects:.0f} objects a frame: share beside YOLOv3-tiny", round(100 * tracking / took, 2), "%")


def _walkers(objects: int, frames: int) -> Iterator[str]:
    """Lines of detections with people who walk to and fro on a frame of 1080p."""
    chance = random.Random(7)  # noqa: S311  no secrets
    people = [(chance.uniform(0, 1800), chance.uniform(0, 900), chance.uniform(-3, 3)) for _ in range(objects)]
    for number in range(frames):
        turn = number % 200 if number % 400 < 200 else 200 - number % 200
        found = [
            {"class": "person", "confidence": 0.8, "box": [round(left + speed * turn, 1), round(top, 1), 40.0, 90.0]}
            for left, top, speed in people
        ]
        yield json.dumps({"frame": number, "time": round(number / 25, 6), "objects": found}) + "\n"


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=1).parse_args()
    result = Result("Tracking", quick=options.quick)
    identities(result, quick=options.quick)
    speed(result, quick=options.quick)
    share(result, quick=options.quick)
    result.notes.append("Scenes of 20 s at 768x576 with known identities, and a detector that misses, errs and shakes.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
