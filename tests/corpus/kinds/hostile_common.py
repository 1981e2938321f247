"""What the hostile kinds share: short good films to spoil, and their outcomes."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.corpus.boxes import Edit, mp4_boxes, mp4_edited
from tests.corpus.case import Case, Right
from tests.corpus.film import AAC, H264, Film, record

#: one second: 25 pictures with their numbers, a flash and a beep
SHORT = Film(seconds=1, flashes=(0.4,), beeps=(0.4,), size=(64, 64))
#: names that say that there is no media in it, or nothing that can be used
NO_MEDIA = (
    "InvalidMediaUnreadable",
    "InvalidMediaNoStreams",
    "InvalidMediaTruncated",
    "InvalidMediaDamaged",
)
#: names of the ceilings
TOO_MUCH = (
    "InvalidMediaOutOfProportion",
    "InvalidMediaTooLong",
    "InvalidMediaTooLarge",
    "InvalidMediaTooSlow",
    "InvalidMediaFrameRate",
    "InvalidMediaSound",
    "MaxRunCostExceeded",
)
REFUSED = (*NO_MEDIA, *TOO_MUCH)
#: the film, as if nothing had been done to it, without sound or with it
SILENT = Right(frames=25, pictures=range(25), flashes=(0.4,))
WHOLE = Right(frames=25, pictures=range(25), marks=(0.4,))
#: sound comes out, and nothing else
HEARD = Right(video=False)
UNREADABLE, NO_STREAMS = "InvalidMediaUnreadable", "InvalidMediaNoStreams"
STBL = [b"moov", b"trak", b"mdia", b"minf", b"stbl"]

Make = Callable[[Path], Path]


@cache
def film_bytes(suffix: str, video: Sequence[str] | None = H264, audio: Sequence[str] | None = AAC) -> bytes:
    """The bytes of `SHORT` in this container."""
    with tempfile.TemporaryDirectory() as folder:
        return record(Path(folder) / f"film.{suffix}", SHORT, video, audio).read_bytes()


def written(name: str, content: Callable[[], bytes] | bytes) -> Make:
    """A recipe: a file with this content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return make


def spoiled(
    suffix: str, edit: Edit, video: Sequence[str] | None = H264, audio: Sequence[str] | None = AAC, name: str = "film"
) -> Make:
    """A recipe: a good film whose bytes are edited."""
    return written(f"{name}.{suffix}", lambda: edit(film_bytes(suffix, video, audio)))


def in_box(*path: bytes, edit: Edit, audio: Sequence[str] | None = None, suffix: str = "mp4") -> Make:
    """A recipe: an MP4 without sound in which the content of a box is edited. Its index is last."""
    return spoiled(suffix, lambda data: mp4_edited(data, path, edit), H264, audio)


def in_table(name: bytes, edit: Edit, audio: Sequence[str] | None = None) -> Make:
    """A recipe: the same in a box of the sample table."""
    return in_box(*STBL, name, edit=edit, audio=audio)


def at(place: int, field: bytes) -> Edit:
    """An edit: these bytes in this place."""
    return lambda data: data[:place] + field + data[place + len(field) :]


def after(mark: bytes, skip: int, field: bytes) -> Edit:
    """An edit: these bytes, `skip` bytes behind the first `mark`."""
    return lambda data: at(data.index(mark) + len(mark) + skip, field)(data)


def u32(*numbers: int) -> bytes:
    """Numbers of 32 bits, big-endian."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def zeros(size: int) -> bytes:
    """So many zeros in a thousandth of the bytes of zlib: for a recipe only, because it takes seconds."""
    packer, block = zlib.compressobj(9), bytes(1_000_000)
    return b"".join([*(packer.compress(block) for _ in range(size // len(block))), packer.flush()])


def moov_of(data: bytes) -> bytes:
    """The content of the box `moov`."""
    return dict(mp4_boxes(data))[b"moov"]


@cache
def _crc_table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
        rows.append(value)
    return tuple(rows)


def crc(data: bytes, value: int) -> int:
    """The CRC of MPEG-2 and of Ogg, which begin with another value: polynomial 0x04C11DB7, not reflected."""
    table = _crc_table()
    for byte in data:
        value = (value << 8 ^ table[value >> 24 ^ byte]) & 0xFFFFFFFF
    return value


def ogg_checked(data: bytes) -> bytes:
    """Ogg pages with right checksums (RFC 3533, section 6): without them a demuxer drops what was edited."""
    result, place = bytearray(data), 0
    while data[place : place + 4] == b"OggS":
        count = data[place + 26]
        end = place + 27 + count + sum(data[place + 27 : place + 27 + count])
        result[place + 22 : place + 26] = bytes(4)
        result[place + 22 : place + 26] = crc(result[place:end], 0).to_bytes(4, "little")
        place = end
    return bytes(result)


def case(
    id: str, what: str, make: Make, right: Right | str | Sequence[str] = REFUSED, *, quick: bool = False, **more: Any
) -> Case:
    """A hostile case. A name, or several, stand for the errors of which one must end it."""
    if isinstance(right, str):
        right = Right(errors=(right,))
    elif not isinstance(right, Right):
        right = Right(errors=tuple(right))
    return Case(f"hostile-{id}", what, make, right, quick, **more)
