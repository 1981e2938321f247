"""How fast the steps are on this machine: `python benchmarks/pipeline.py`.

Bare inference and the whole video are measured in turn, several times, and their medians and
ratio printed: on a shared machine only the ratio means anything.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from avflow import ffmpeg, speech
from avflow.boxed_video import box_video
from avflow.media import probe
from avflow.models import ModelStore
from avflow.stages.yolov3 import open_model

SAMPLE = Path(__file__).parents[1] / "samples" / "my_video.mkv"


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print the table as Markdown."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--video", type=Path, default=SAMPLE)
    arguments.add_argument("--model", default="yolov3-tiny")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    models, video, rounds = ModelStore(), options.video, options.rounds
    media = probe(video)
    picture, duration = media.picture, media.duration
    assert picture is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wav = folder / "sound.wav"
        probing = statistics.median(seconds(lambda: probe(video)) for _ in range(rounds))
        sound = statistics.median(seconds(lambda: ffmpeg.extract_wav(video, media, wav)) for _ in range(rounds))
        detector = open_model(options.model, models)
        blobs = [detector.preprocess(np.zeros((picture.height, picture.width, 3), np.uint8))] * detector.batch_size
        batches = -(-picture.frames // detector.batch_size)
        boxed, detections = folder / "boxed.avi", folder / "detections.jsonl"
        bare, whole = [], []
        for _ in range(rounds):
            inference = seconds(lambda: [detector.start(blobs).result() for _ in range(batches)])
            bare.append(batches * detector.batch_size / inference)
            whole.append(picture.frames / seconds(lambda: box_video(video, picture, detector, boxed, detections)))
        ratio = statistics.median(w / b for w, b in zip(whole, bare, strict=True))
        rows = [
            ("probing", f"{duration / probing:.0f} x real time"),
            ("sound to wav", f"{duration / sound:.0f} x real time"),
            (f"bare inference, {options.model}", f"{statistics.median(bare):.1f} frames/s"),
            ("decode, detect, draw, encode", f"{statistics.median(whole):.1f} frames/s"),
            (
                "whole video of bare inference",
                f"{ratio:.2f}",
            ),
        ]
        for engine in ("whisper-tiny.en", "pocketsphinx-en-us"):
            models.fetch(engine)
            recogniser = speech.open_engine(engine, models)
            heard = statistics.median(seconds(lambda r=recogniser: r.transcribe(wav)) for _ in range(rounds))
            rows.append((f"speech, {engine}", f"{duration / heard:.1f} x real time"))
    size = f"{picture.width}x{picture.height}"
    print(f"\n| {video.name}: {size}, {picture.frames} frames, {duration:.0f} s | median of {rounds} |\n|---|---|")
    for row in rows:
        print(f"| {row[0]} | {row[1]} |")


if __name__ == "__main__":
    main()
