"""Media files synthesised with FFmpeg's lavfi, and functions that measure what a player shows and plays."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from avflow.ffmpeg import binary

#: frames that show their number as a 10-bit code of black and white columns, each 16 pixels wide
NUMBERED = (
    "color=black:s=160x128:r={rate},format=gray,"
    "geq=lum='if(mod(floor(N/pow(2\\,floor(X/16)))\\,2)\\,235\\,16)',format=yuv420p"
)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
TONE_RATE = 48_000


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run FFmpeg and return its standard output."""
    command = [binary(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def damaged(path: Path, packets: Iterable[int], target: Path, kind: str = "video") -> Path:
    """Copy an MP4 or AVI and overwrite packets of its video or audio stream with zeros.

    `packets` are their numbers in decoding order, `kind` is "video" or "audio".
    """
    places = packet_places(path, kind)
    content = bytearray(path.read_bytes())
    for number in packets:
        position, size = places[number]
        content[position : position + size] = bytes(size)
    target.write_bytes(content)
    return target


def packet_places(path: Path, kind: str = "video") -> list[tuple[int, int]]:
    """(position, size) in bytes of each packet of the video or audio stream of an MP4 or AVI, in decoding order."""
    with av.open(str(path)) as container:
        return [(packet.pos or 0, packet.size) for packet in container.demux(**{kind: 0}) if packet.size]


def lavfi(*sources: str) -> list[str]:
    """FFmpeg's options for inputs that filters generate."""
    return [argument for source in sources for argument in ("-f", "lavfi", "-i", source)]


def pattern(seconds: float = 1, rate: str = "25", size: str = "160x120") -> str:
    """A moving test pattern."""
    return f"testsrc2=r={rate}:s={size}:d={seconds}"


def tone(seconds: float = 1) -> str:
    """A steady tone."""
    return f"sine=440:d={seconds}"


def beeps(at: tuple[float, ...], seconds: float) -> str:
    """Silence with beeps of 0.1 s at these seconds, stereo, 44.1 kHz."""
    when = "+".join(f"between(t\\,{start}\\,{start + 0.1})" for start in at)
    return f"aevalsrc='0.8*sin(2*PI*1000*t)*({when})':s=44100:d={seconds}:c=stereo"


def flashes(at: tuple[float, ...], seconds: float, rate: str = "25") -> str:
    """Black frames with single white frames at these seconds."""
    when = "+".join(f"between(t\\,{start - 0.001}\\,{start + 0.02})" for start in at)
    return f"color=black:s=64x64:r={rate}:d={seconds},drawbox=c=white:t=fill:enable='{when}'"


def heard_at(path: Path) -> list[float]:
    """Seconds at which beeps begin, counted from the first sample that a player plays."""
    raw = ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", str(TONE_RATE), "-f", "f32le", "-")
    loud = np.flatnonzero(np.abs(np.frombuffer(raw, np.float32)) > 0.2)
    begins = loud[np.diff(loud, prepend=-TONE_RATE) > TONE_RATE // 10]
    return [round(float(sample) / TONE_RATE, 4) for sample in begins]


def seen_at(path: Path) -> list[int]:
    """The numbers of the white frames."""
    raw = ffmpeg(
        *(
            "-i",
            path,
            "-map",
            "0:v:0",
            "-vf",
            "scale=8:8,format=gray",
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "-",
        )
    )
    brightness = np.frombuffer(raw, np.uint8).reshape(-1, 64).mean(axis=1)
    return [int(frame) for frame in np.flatnonzero(brightness > 120)]


def rgb_frames(path: Path, width: int, height: int) -> NDArray[np.uint8]:
    """All frames as stored, without rotation: (frames, height, width, 3), RGB."""
    raw = ffmpeg(
        *("-noautorotate", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def numbers(path: Path) -> list[int]:
    """The numbers that the frames of a `NUMBERED` video show, in order."""
    return [number_of(frame) for frame in rgb_frames(path, 160, 128)]


def number_of(frame: NDArray[np.uint8]) -> int:
    """The number on one frame of a `NUMBERED` video."""
    bits = frame[16:48, :160].reshape(32, 10, 16, 3)[:, :, 4:12].mean(axis=(0, 2, 3)) > 128
    return int(sum(int(bit) << place for place, bit in enumerate(bits)))
