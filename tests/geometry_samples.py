"""Videos whose geometry a player has to mind: cropped by the container, mirrored, or of a size that changes."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.media_samples import H264, ffmpeg, lavfi

H264_TS = (*H264, "-bf", "0", "-g", "25", "-muxdelay", "0")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:keyint=25:log-level=none")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-g", "25")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25")
AV1 = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "25")
MPEG2 = ("-c:v", "mpeg2video", "-bf", "0")
MPEG4 = ("-c:v", "mpeg4", "-g", "25")

#: boxes of an MP4 from the outermost to the description of its video samples
_SAMPLE_DESCRIPTION = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def square(seconds: float = 1, rate: str = "25", size: str = "320x240", at: tuple[int, int] = (40, 60)) -> str:
    """A white square of 100x100 pixels on grey."""
    box = f"drawbox=x={at[0]}:y={at[1]}:w=100:h=100:c=white:t=fill"
    return f"color=gray:s={size}:r={rate}:d={seconds},{box}"


def white_box(frame: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(left, top, width, height) in pixels of what is white in an RGB frame."""
    white = frame.mean(axis=2) > 200
    columns, rows = np.flatnonzero(white.sum(axis=0) > 4), np.flatnonzero(white.sum(axis=1) > 4)
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def black_border(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """The number of columns and of rows of an RGB frame that are black."""
    black = frame.max(axis=2) < 40
    return int(black.all(axis=0).sum()), int(black.all(axis=1).sum())


def in_sections(folder: Path, name: str, codec: tuple[str, ...], *sections: tuple[str, float]) -> Path:
    """A video of several sections, joined without encoding again.

    `sections` are a generated picture without its end, and its seconds.
    """
    suffix, files, start = Path(name).suffix, [], 0.0
    for number, (picture, seconds) in enumerate(sections):
        files.append(folder / f"section{number}{'.ts' if suffix in ('.mp4', '.mkv') else suffix}")
        offset = ("-output_ts_offset", str(start), "-muxdelay", "0") if files[-1].suffix == ".ts" else ()
        ffmpeg(*lavfi(picture), *codec, *offset, files[-1])
        start += seconds
    target = folder / name
    if suffix in (".ts", ".h264"):
        target.write_bytes(b"".join(file.read_bytes() for file in files))
    elif suffix in (".mp4", ".mkv"):
        joined = folder / "joined.ts"
        joined.write_bytes(b"".join(file.read_bytes() for file in files))
        ffmpeg("-i", joined, "-c", "copy", target)
    else:
        listed = folder / "sections.txt"
        listed.write_text("".join(f"file {file.name}\n" for file in files))
        ffmpeg("-f", "concat", "-i", listed, "-c", "copy", target)
    return target


def with_clap(source: Path, target: Path, *fields: Fraction) -> Path:
    """A copy of an MP4 with a clean aperture box (ISO/IEC 14496-12 section 12.1.4) in its video stream.

    `fields` are the width and height of the aperture and the offsets of its centre, in pixels.
    """
    content = bytearray(source.read_bytes())
    position, ancestors = 0, []
    for kind in _SAMPLE_DESCRIPTION:
        position = content.index(kind, position)
        ancestors.append(position - 4)
    ancestors.append(position + 12)  # the sample entry; it follows version, flags and the number of entries
    box = struct.pack(">I4s8i", 40, b"clap", *(part for field in fields for part in field.as_integer_ratio()))
    end = ancestors[-1] + int.from_bytes(content[ancestors[-1] : ancestors[-1] + 4])
    for start in ancestors:
        content[start : start + 4] = (int.from_bytes(content[start : start + 4]) + len(box)).to_bytes(4)
    content[end:end] = box  # FFmpeg writes `moov` at the end of the file, so that no sample moves
    target.write_bytes(content)
    return target


def cropped(folder: Path, name: str, crop: tuple[int, int, int, int], *options: str, picture: str = "") -> Path:
    """A 320x240 video from whose frames the container crops pixels: left, top, right, bottom."""
    left, top, right, bottom = map(Fraction, crop)
    ffmpeg(*lavfi(picture or square()), *(options or H264), folder / "whole.mp4")
    offsets = ((left - right) / 2, (top - bottom) / 2)
    clean = with_clap(folder / "whole.mp4", folder / "clean.mp4", 320 - left - right, 240 - top - bottom, *offsets)
    if name.endswith(".mp4"):
        return clean.rename(folder / name)
    ffmpeg("-i", clean, "-c", "copy", folder / name)  # Matroska: FFmpeg writes PixelCrop elements
    return folder / name
