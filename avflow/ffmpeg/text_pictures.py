"""Draws the text of each subtitle as a picture, by FFmpeg's filter `subtitles` (libass).

A subtitle is drawn once and not on each frame, and frames go through no pipe. libass shapes the letters (HarfBuzz) and
orders them (FriBidi), and takes a letter that the font lacks from another font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from avflow.ffmpeg import fonts
from avflow.ffmpeg.arguments import arguments
from avflow.ffmpeg.process import Process
from avflow.speech import ass
from avflow.speech.subtitles import Cue

_PIPE = -1
#: what libass says of a letter that no font has
_MISSING = re.compile(r"failed to find any fallback with glyph 0x([0-9A-Fa-f]+)")
#: the files in the work folder: no name of a user gets into a filter
_SCRIPT, _FONTS, _CACHE = "burnt.ass", "burnt-fonts.conf", "burnt-fonts"


@dataclass(frozen=True)
class TextPicture:
    """White text with a black outline, in the smallest rectangle around it. It may be empty.

    Parameters
    ----------
    left, top:
        The place of the rectangle in the frame in pixels, both even.
    luma:
        (height, width), both even: Y of the picture on black.
    cover:
        (height, width): how much it covers of what is below, 0 to 255.
    """

    left: int
    top: int
    luma: NDArray[np.uint8]
    cover: NDArray[np.uint8]


class TextPictures:
    """An iterator over the pictures of all cues, in order. A context manager.

    FFmpeg draws while the pictures are taken, so no more than one is in memory.

    Parameters
    ----------
    cues:
        At least one.
    size:
        (width, height) of the frames in pixels.
    folder:
        Where the files for FFmpeg are written.
    font_folders:
        The folders of fonts (`avflow.isolation.permissions.font_folders`).
    """

    def __init__(self, cues: Sequence[Cue], size: tuple[int, int], folder: Path, font_folders: Sequence[Path]) -> None:
        #: an even canvas, whose samples of chroma have four pixels each
        self._size = width, height = size[0] + size[0] % 2, size[1] + size[1] % 2
        #: characters that no font has
        self.missing: set[str] = set()
        ass.write(cues, folder / _SCRIPT, self._size, fonts.FAMILY)
        conf = folder / _FONTS
        conf.write_text(fonts.configuration(font_folders, folder / _CACHE), encoding="utf-8")
        canvas = ffmpeg.input(f"color=c=black@0:s={width}x{height}:r=1:d={len(cues)},format=yuva420p", format="lavfi")
        drawn = canvas.filter("subtitles", filename=_SCRIPT, alpha=1, wrap_unicode=1)
        output = drawn.output("pipe:1", format="rawvideo", pix_fmt="yuva420p")
        self._process = Process(
            arguments(output, "-loglevel", "warning"),
            "the subtitles",
            stdout=_PIPE,
            folder=folder,
            environ={"FONTCONFIG_FILE": str(conf)},
            see=self._see,
        )

    def _see(self, line: str) -> None:
        if found := _MISSING.search(line):
            self.missing.add(chr(int(found[1], 16)))

    def __iter__(self) -> Iterator[TextPicture]:
        """The pictures.

        Raises
        ------
        FFmpegFailed, ScratchFull, MemoryExhausted
        """
        width, height = self._size
        pixels = width * height
        while content := _read(self._process.stdout, pixels * 5 // 2):
            if len(content) < pixels * 5 // 2:
                break
            planes = np.frombuffer(content, np.uint8)
            yield _cropped(planes[:pixels].reshape(height, width), planes[-pixels:].reshape(height, width))
        self._process.finish()

    def finish(self) -> None:
        """Have the rest drawn: then all characters that no font has are known."""
        while self._process.stdout.read(1 << 20):
            pass
        self._process.finish()

    def __enter__(self) -> TextPictures:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.__exit__(None, None, None)


def _read(stream: io.FileIO, size: int) -> bytes:
    """So many bytes, or fewer at the end."""
    parts = bytearray()
    while len(parts) < size and (part := stream.read(size - len(parts))):
        parts += part
    return bytes(parts)


def _cropped(luma: NDArray[np.uint8], cover: NDArray[np.uint8]) -> TextPicture:
    rows, columns = (np.flatnonzero(cover.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return TextPicture(0, 0, luma[:0, :0], cover[:0, :0])
    top, left = int(rows[0]) // 2 * 2, int(columns[0]) // 2 * 2
    place = slice(top, int(rows[-1]) // 2 * 2 + 2), slice(left, int(columns[-1]) // 2 * 2 + 2)
    return TextPicture(left, top, luma[place].copy(), cover[place].copy())
