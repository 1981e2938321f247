"""The contact sheet: pictures of one size side by side, in rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import ffmpeg  # type: ignore[import-untyped]

from avflow.ffmpeg.arguments import arguments
from avflow.ffmpeg.process import run, written_whole
from avflow.media.containers import file_url

#: the picture in each row, and the pixels between them
_COLUMNS, _GAP = 5, 4


def write_sheet(tiles: Sequence[Path], target: Path) -> None:
    """Write `target`, a JPEG, from JPEGs of one size, at least one: `tile-0000.jpg` and so on, all in one folder.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    """
    columns = min(_COLUMNS, len(tiles))
    pattern = file_url(tiles[0].with_name("tile-%04d.jpg"))
    pictures = ffmpeg.input(
        pattern, format="image2", start_number=0, framerate=1, protocol_whitelist="file", codec_whitelist="mjpeg"
    )
    grid = f"{columns}x{math.ceil(len(tiles) / columns)}"
    sheet = pictures.filter("tile", grid, padding=_GAP, margin=_GAP, color="black")
    with written_whole(target) as partial:
        output = sheet.output(file_url(partial), format="image2", update=1, vcodec="mjpeg", qscale=3, vframes=1)
        command = arguments(output, "-progress", "pipe:1", "-stats_period", "0.25")
        run(command, target.name, step="merge", seconds=1.0)
