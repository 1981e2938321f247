"""What the three scripts of SCAR's av-workflow example do, one after another, with the same programs.

FFmpeg to wav and AVI; PocketSphinx over the wav; `darknet detector demo` over the AVI, frame by
frame. Each starts when the one before it has ended, as a bucket's events start them there. The
start of containers, the way to S3 and back, and the writing of the .srt are left out, in their favour.
"""

from __future__ import annotations

import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from avflow import speech
from avflow.models.store import ModelStore
from benchmarks.common import ffmpeg, not_installed, seconds

#: Debian's package `darknet`; its demo finds the letters of its labels in `data/` where it is started
DARKNET = Path("/usr/bin/darknet")
DARKNET_FOLDER = Path("/usr/share/darknet")
UNAVAILABLE = "Debian's package darknet is not installed"
SPEECH_MODEL = "pocketsphinx-en-us"


def unavailable() -> str | None:
    """Why its programs can't be run here; None where they can."""
    if DARKNET.is_file() and (DARKNET_FOLDER / "data" / "labels").is_dir():
        return not_installed("pocketsphinx")
    return UNAVAILABLE


@dataclass(frozen=True)
class Chain:
    """Seconds of each script, and the frames that Darknet drew."""

    ffmpeg: float
    pocketsphinx: float
    darknet: float
    frames: int

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.ffmpeg + self.pocketsphinx + self.darknet


def run(video: Path, cfg: Path, weights: Path, folder: Path) -> Chain:
    """Process `video` into the empty `folder`.

    Raises
    ------
    RuntimeError
        Darknet drew no frame.
    """
    wav, avi = folder / f"{video.stem}.wav", folder / f"{video.stem}.avi"
    prepared = seconds(lambda: _prepare(video, wav, avi))
    heard = seconds(lambda: speech.open_engine(SPEECH_MODEL, ModelStore()).transcribe(wav))
    drawn = seconds(lambda: _detect(avi, cfg, weights, folder))
    return Chain(prepared, heard, drawn, len(list(folder.glob("frame_*.jpg"))))


def _prepare(video: Path, wav: Path, avi: Path) -> None:
    ffmpeg("-i", video, "-vn", "-ar", 16000, "-ac", 1, "-acodec", "pcm_s16le", wav)
    ffmpeg("-i", video, "-f", "avi", "-c:v", "mpeg4", "-b:v", "4000k", "-c:a", "libmp3lame", "-b:a", "320k", avi)


def _detect(avi: Path, cfg: Path, weights: Path, folder: Path) -> None:
    """`darknet detector demo`, which writes a JPEG a frame.

    Debian's ends with a division by zero when the video has ended, so only its pictures tell that it is done.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    command = ["detector", "demo", "cfg/coco.data", cfg, weights, avi, "-prefix", folder / "frame"]
    log = folder / "darknet.log"
    with log.open("w") as output:
        subprocess.run(
            [str(DARKNET), *map(str, command)],
            cwd=DARKNET_FOLDER,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if not any(folder.glob("frame_*.jpg")):
        raise RuntimeError(f"Darknet drew no frame of {avi.name}: {log.read_text(errors='replace')[-500:]}")
