"""Matroska and AVI whose elements and indexes lie, repeat or name each other (RFC 9559, OpenDML)."""

from __future__ import annotations

import bz2
import struct

from tests.corpus.boxes import SEGMENT, TRACK, TRACKS, ebml_edited, ebml_element
from tests.corpus.case import Kind, Right
from tests.corpus.film import H264, MJPEG, MPEG4, OPUS, PCM
from tests.corpus.kinds.hostile_common import (
    NO_STREAMS,
    SHORT,
    SILENT,
    UNREADABLE,
    WHOLE,
    Make,
    after,
    case,
    spoiled,
)

MAX = 0xFFFFFFFF
H264_NO_B = (*H264, "-bf", "0")


def _mkv(*path: bytes, add: bytes) -> Make:
    return spoiled("mkv", lambda d: ebml_edited(d, path, lambda content: content + add), H264, None)


def _cluster(ticks: int, content: bytes) -> bytes:
    return ebml_element(b"\x1f\x43\xb6\x75", ebml_element(b"\xe7", ticks.to_bytes(8)) + content)


def _laced(count: int) -> bytes:
    """Blocks of 256 empty pictures each (RFC 9559, section 10.3.4, fixed-size lacing)."""
    return ebml_element(b"\xa3", b"\x81\0\0\x84\xff") * count


def _encoded(algorithm: int, settings: bytes) -> bytes:
    compression = ebml_element(b"\x50\x34", ebml_element(b"\x42\x54", bytes([algorithm])) + settings)
    scope = ebml_element(b"\x50\x32", b"\1") + ebml_element(b"\x50\x33", b"\0")
    return ebml_element(b"\x6d\x80", ebml_element(b"\x62\x40", scope + compression))


def _chapters(count: int) -> bytes:
    one = ebml_element(b"\xb6", ebml_element(b"\x73\xc4", b"\1") + ebml_element(b"\x91", b"\1"))
    return ebml_element(b"\x10\x43\xa7\x70", ebml_element(b"\x45\xb9", one * count))


def _attachments(count: int) -> bytes:
    fields = ((b"\x46\x6e", b"a.ttf"), (b"\x46\x60", b"font/ttf"), (b"\x46\xae", b"\1"), (b"\x46\x5c", b"x"))
    one = ebml_element(b"\x61\xa7", b"".join(ebml_element(*each) for each in fields))
    return ebml_element(b"\x19\x41\xa4\x69", one * count)


def _seek(position: int) -> bytes:
    fields = ebml_element(b"\x53\xab", b"\x11\x4d\x9b\x74") + ebml_element(b"\x53\xac", position.to_bytes(8))
    return ebml_element(b"\x11\x4d\x9b\x74", ebml_element(b"\x4d\xbb", fields))


def _seek_loop(count: int) -> Make:
    """A recipe: indexes in front that name each other."""
    seek = b"".join(_seek(n * len(_seek(0))) for n in range(count))

    def edit(data: bytes) -> bytes:
        data = ebml_edited(data, [SEGMENT], lambda content: content)
        at = data.index(SEGMENT) + 12
        return data[: at - 8] + (len(data) - at + len(seek) | 1 << 56).to_bytes(8) + seek + data[at:]

    return spoiled("mkv", edit, H264, None)


# ---------------------------------------------------------------- AVI
def _super_index(count: int, to: int) -> Make:
    """A recipe: an OpenDML index that claims so many entries, each at the same place ("indx", type 0)."""

    def edit(data: bytes) -> bytes:
        place = data.index(b"strf")
        rows = struct.pack("<QII", to, 0x7FFFFFFF, 0x7FFFFFFF) * 500
        index = struct.pack("<HBBI4sIII", 4, 0, 0, count, b"00dc", 0, 0, 0) + rows
        box = b"indx" + struct.pack("<I", len(index)) + index
        listed = data.index(b"LIST", 16)
        data = data[:place] + box + data[place:]
        for at in (16, listed + 4):
            size = struct.unpack("<I", data[at : at + 4])[0] + len(box)
            data = data[:at] + struct.pack("<I", size) + data[at + 4 :]
        return data

    return spoiled("avi", edit, MJPEG, None)


def _palettes(data: bytes) -> bytes:
    at = data.index(b"movi") + 4
    return data[:at] + b"00pc\x08\0\0\0\0\1\0\0\0\0\0\0" * 100_000 + data[at:]


CASES = (
    case(
        "mkv-laces",
        "Matroska, 10 000 000 empty pictures in 40 000 blocks",
        _mkv(SEGMENT, add=_cluster(2000, _laced(40_000))),
        SILENT,
    ),
    case(
        "mkv-clusters",
        "Matroska, 50 000 clusters in one another",
        _mkv(SEGMENT, add=b"\x1f\x43\xb6\x75\x10\xff\xff\xff" * 50_000),
        SILENT,
    ),
    case(
        "mkv-time-max",
        "Matroska, a picture after 2^62 ms",
        _mkv(SEGMENT, add=_cluster(1 << 62, ebml_element(b"\xa3", b"\x81\0\0\x80" + bytes(50)))),
        "InvalidMediaTooLong",
    ),
    case(
        "mkv-time-back",
        "Matroska, 5 000 clusters, each at 0 s",
        _mkv(SEGMENT, add=_cluster(0, ebml_element(b"\xa3", b"\x81\0\0\x80" + bytes(50))) * 5_000),
        SILENT,
    ),
    case(
        "mkv-tag-40m",
        "Matroska, a tag of 40 MB",
        _mkv(
            SEGMENT,
            add=ebml_element(
                b"\x12\x54\xc3\x67",
                ebml_element(
                    b"\x73\x73",
                    ebml_element(
                        b"\x67\xc8", ebml_element(b"\x45\xa3", b"A") + ebml_element(b"\x44\x87", b"x" * 40_000_000)
                    ),
                ),
            ),
        ),
        SILENT,
    ),
    case("mkv-chapters", "Matroska, 100 000 chapters", _mkv(SEGMENT, add=_chapters(100_000)), SILENT),
    case("mkv-attachments", "Matroska, 20 000 fonts of one byte", _mkv(SEGMENT, add=_attachments(20_000)), SILENT),
    case("mkv-seek", "Matroska, 5 000 indexes that name each other", _seek_loop(5_000), SILENT),
    case(
        "mkv-strip",
        "Matroska, 60 KB that are put before every picture",
        _mkv(SEGMENT, TRACKS, TRACK, add=_encoded(3, ebml_element(b"\x42\x55", bytes(60_000)))),
        UNREADABLE,
    ),
    case(
        "mkv-bzip",
        "Matroska, pictures that are said to be in bzip2",
        _mkv(SEGMENT, TRACKS, TRACK, add=_encoded(1, b"")),
        SILENT,
    ),
    case(
        "mkv-bzip-bomb",
        "Matroska, a picture of 100 MB in bzip2",
        spoiled(
            "mkv",
            lambda d: ebml_edited(
                ebml_edited(d, [SEGMENT, TRACKS, TRACK], lambda c: c + _encoded(1, b"")),
                [SEGMENT],
                lambda c: c + _cluster(1000, ebml_element(b"\xa3", b"\x81\0\0\x80" + bz2.compress(bytes(100_000_000)))),
            ),
            H264,
            None,
        ),
        Right(frames=26, flashes=(0.4,)),
    ),
    case(
        "mkv-delay",
        "Matroska, a codec that is 2^62 ns late",
        _mkv(
            SEGMENT,
            TRACKS,
            TRACK,
            add=ebml_element(b"\x56\xaa", b"\x3f" + b"\xff" * 7) + ebml_element(b"\x56\xbb", b"\x3f" + b"\xff" * 7),
        ),
        SILENT,
    ),
    case(
        "mkv-additions",
        "Matroska, a picture with 200 000 additions",
        _mkv(
            SEGMENT,
            add=_cluster(
                1000,
                ebml_element(
                    b"\xa0",
                    ebml_element(b"\xa1", b"\x81\0\0\0" + bytes(50))
                    + ebml_element(b"\x75\xa1", ebml_element(b"\xa6", ebml_element(b"\xa5", b"x")) * 200_000),
                ),
            ),
        ),
        Right(frames=26, flashes=(0.4,)),
    ),
    # ------------------------------------------------------------ AVI
    case("avi-super", "AVI, an index of 4 294 967 295 indexes, all in one place", _super_index(MAX, 0), SILENT),
    case("avi-super-self", "AVI, 500 indexes that are the index itself", _super_index(500, 200), SILENT),
    case("avi-palettes", "AVI, 100 000 changes of a palette", spoiled("avi", _palettes, MJPEG, None), SILENT),
    case(
        "avi-align-0",
        "AVI, sound in blocks of no bytes",
        spoiled(
            "avi",
            lambda d: (
                after(b"strf\x12\0\0\0", 12, b"\0\0")(d) if b"strf\x12\0\0\0" in d else after(b"auds", 40, bytes(4))(d)
            ),
            MPEG4,
            PCM,
        ),
        WHOLE,
    ),
    case(
        "opus-vectors",
        "Matroska, Opus with a mapping of 255 channels",
        spoiled("mkv", after(b"OpusHead", 1, b"\xff"), None, OPUS),
        NO_STREAMS,
    ),
)

KIND = Kind(
    "Matroska and AVI whose elements lie or repeat",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
