"""Gathers the still pictures of all segments, which `avflow.annotation.pictures` has picked. It needs no OpenCV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from avflow.errors import MediaAnswerInvalid

INDEX, COVER = "pictures.json", "cover.jpg"
#: whether the frame is not empty, the objects in it, and its contrast in steps
Score = tuple[int, int, int]


@dataclass(frozen=True)
class Gathered:
    """The pictures of a film, as JPEG files in one folder."""

    cover: Path | None
    #: those of the contact sheet, in the order of the film
    tiles: tuple[Path, ...]


def gather(segments: Sequence[Path], folder: Path) -> Gathered:
    """Take the best cover and all frames of the contact sheet from the files of all segments, in order.

    Of frames that are equally good, the first is the cover.

    Raises
    ------
    MediaAnswerInvalid
        A file was not written by `PicturePicker`.
    """
    best: tuple[Score, bytes] | None = None
    tiles: list[Path] = []
    for segment in segments:
        try:
            with ZipFile(segment) as file:
                index = json.loads(file.read(INDEX))
                score: Score = tuple(index["score"])
                if score > (best[0] if best else (-1, 0, 0)):
                    best = score, file.read(COVER)
                for number in index["tiles"]:
                    tiles.append(folder / f"tile-{len(tiles):04}.jpg")
                    tiles[-1].write_bytes(file.read(tile_name(number)))
        except (BadZipFile, KeyError, TypeError, ValueError) as error:
            raise MediaAnswerInvalid(f"The pictures of a segment can't be read: {error}") from error
    cover = folder / COVER if best else None
    if best and cover:
        cover.write_bytes(best[1])
    return Gathered(cover, tuple(tiles))


def tile_name(number: int) -> str:
    return f"tile-{number}.jpg"
