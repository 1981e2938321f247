"""Edit lists, sample tables, fragments, clusters and indexes whose numbers lie or repeat what is there."""

from __future__ import annotations

import bz2
import struct
import tempfile
from functools import cache
from pathlib import Path

from tests.corpus.boxes import SEGMENT, TRACK, TRACKS, ebml_edited, ebml_element, mp4_box, mp4_boxes, mp4_edited
from tests.corpus.case import Kind
from tests.corpus.film import H264, MJPEG, MPEG4, OPUS, PCM, record
from tests.corpus.kinds.common import FRAGMENTS
from tests.corpus.kinds.hostile_common import (
    SHORT,
    STBL,
    Make,
    after,
    case,
    in_box,
    spoiled,
    u32,
    written,
)

MAX = 0xFFFFFFFF
H264_NO_B = (*H264, "-bf", "0")


# ---------------------------------------------------------------- MP4
def _edits(rows: bytes, count: int, version: int = 0) -> Make:
    """A recipe: an edit list with these rows."""

    def in_track(track: bytes) -> bytes:
        box = mp4_box(b"edts", mp4_box(b"elst", u32(version << 24, count) + rows))
        children = [(name, content) for name, content in mp4_boxes(track) if name != b"edts"]
        return b"".join(mp4_box(*child) + (box if child[0] == b"tkhd" else b"") for child in children)

    return spoiled("mp4", lambda data: mp4_edited(data, [b"moov", b"trak"], in_track), H264_NO_B, None)


def _edit(duration: int, at: int, rate: int = 1 << 16) -> bytes:
    return struct.pack(">Iii", duration, at, rate)


def _same_chunk(chunks: int, samples: int) -> Make:
    """A recipe: so many chunks in one place, each with so many pictures of one size; no table tells the sizes."""

    def edit(data: bytes) -> bytes:
        first = struct.unpack(">I", data[data.index(b"stco") + 12 :][:4])[0]
        data = mp4_edited(data, [*STBL, b"stsz"], lambda _: u32(0, 40, chunks * samples))
        data = mp4_edited(data, [*STBL, b"stsc"], lambda _: u32(0, 1, 1, samples, 1))
        data = mp4_edited(data, [*STBL, b"stts"], lambda _: u32(0, 1, chunks * samples, 512))
        data = mp4_edited(data, [*STBL, b"stss"], lambda _: u32(0, 0))
        return mp4_edited(data, [*STBL, b"stco"], lambda _: u32(0, chunks) + u32(first) * chunks)

    return spoiled("mp4", edit, H264_NO_B, None)


@cache
def _fragmented() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder) / "film.mp4", SHORT, H264_NO_B, None, *FRAGMENTS)
        return path.read_bytes()


def _fragment_again(times: int) -> bytes:
    """A fragmented film whose first fragment comes again so often, its data only once (`tfhd`, base-data-offset)."""
    boxes = mp4_boxes(_fragmented())
    head = b"".join(mp4_box(*box) for box in boxes if box[0] in (b"ftyp", b"moov"))
    media = next(content for name, content in boxes if name == b"mdat")
    moof = next(content for name, content in boxes if name == b"moof")
    data = head + mp4_box(b"mdat", media)

    def header(content: bytes) -> bytes:
        rest = content[8:] if not content[3] & 1 else content[16:]
        flags = (int.from_bytes(content[:4]) | 1) & ~0x020000
        return u32(flags) + content[4:8] + struct.pack(">Q", len(head) + 8) + rest

    def run(content: bytes) -> bytes:  # the data begins where the header says
        return content[:8] + u32(0) + content[12:] if content[3] & 1 else content

    moof = mp4_edited(moof, [b"traf", b"tfhd"], header)
    return data + mp4_box(b"moof", mp4_edited(moof, [b"traf", b"trun"], run)) * times


def _heif(width: int, height: int) -> bytes:
    """A HEIF whose picture is a grid of tiles that are not there (ISO/IEC 23008-12, 6.6.2.3)."""
    item = mp4_box(b"infe", u32(2 << 24) + struct.pack(">HH4s", 1, 0, b"grid") + b"\0")
    grid = b"\0\0\xff\xff" + struct.pack(">HH", width, height)
    location = u32(0) + b"\x44\0" + struct.pack(">HHHHII", 1, 1, 0, 1, 300, len(grid))
    meta = u32(0) + mp4_box(b"hdlr", u32(0, 0) + b"pict" + bytes(13)) + mp4_box(b"pitm", u32(0) + b"\0\1")
    meta += mp4_box(b"iloc", location) + mp4_box(b"iinf", u32(0) + b"\0\1" + item)
    return (mp4_box(b"ftyp", b"heicmif1heic") + mp4_box(b"meta", meta)).ljust(300, b"\0") + grid


def _reference_movie() -> bytes:
    """QuickTime that names other films to play (`rmra`)."""
    reference = mp4_box(b"rdrf", u32(0) + b"url " + u32(19) + b"file:///etc/passwd\0")
    return mp4_box(b"moov", mp4_box(b"rmra", mp4_box(b"rmda", reference) * 50))


def _in_stbl(*boxes: bytes) -> Make:
    return in_box(*STBL, edit=lambda content: content + b"".join(boxes))


# ---------------------------------------------------------------- Matroska
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
    # ------------------------------------------------------------ edit lists and sample tables
    case("elst-rate-0", "MP4, an edit that stands still for a day", _edits(_edit(86_400_000, 0, 0), 1)),
    case(
        "elst-rate-max",
        "MP4, an edit that plays backwards at 32 768 times the speed",
        _edits(_edit(1000, 0, -(1 << 31)), 1),
    ),
    case("elst-empty", "MP4, 49 days of nothing before the film", _edits(_edit(MAX, -1) + _edit(1000, 0), 2)),
    case("elst-far", "MP4, an edit behind the end of the film", _edits(_edit(1000, 0x7FFFFFFF), 1)),
    case(
        "elst-64",
        "MP4, an edit of 2^62 ticks at 2^62",
        _edits(struct.pack(">QqHH", 1 << 62, 1 << 62, 1, 0), 1, version=1),
    ),
    case("elst-zeros", "MP4, 100 000 edits of no length", _edits(_edit(0, 0) * 100_000, 100_000)),
    case("elst-count", "MP4, 4 294 967 295 edits of which one is there", _edits(_edit(1000, 0), MAX)),
    case(
        "elst-back",
        "MP4, 1 000 edits, each earlier than the one before",
        _edits(b"".join(_edit(40, 12_000 - 12 * n) for n in range(1000)), 1000),
    ),
    case(
        "ctts-max",
        "MP4, pictures that are shown 2 147 483 647 ticks late",
        _in_stbl(mp4_box(b"ctts", u32(0, 1, 25, 0x7FFFFFFF))),
    ),
    case(
        "ctts-swing",
        "MP4, pictures that are shown far too late and far too early in turn",
        _in_stbl(mp4_box(b"ctts", u32(1 << 24, 25) + u32(1, 0x7FFFFF00, 1, 0x80000100) * 12 + u32(1, 0))),
    ),
    case("ctts-count", "MP4, 4 294 967 295 entries of display times", _in_stbl(mp4_box(b"ctts", u32(0, MAX, 1, 0)))),
    case(
        "co64",
        "MP4, chunks at 2^63",
        _in_stbl(mp4_box(b"co64", u32(0, 2) + b"\x7f" + b"\xff" * 7 + b"\x80" + bytes(7))),
    ),
    case("stco-again", "MP4, 10 000 000 pictures in 100 000 chunks in one place", _same_chunk(100_000, 100)),
    case("stco-again-many", "MP4, 1 000 000 000 pictures in 100 000 chunks in one place", _same_chunk(100_000, 10_000)),
    case("stco-again-few", "MP4, 9 000 pictures in 90 chunks in one place", _same_chunk(90, 100)),
    case(
        "sbgp",
        "MP4, 4 294 967 295 groups of pictures",
        _in_stbl(
            mp4_box(b"sgpd", u32(1 << 24) + b"rap " + u32(1, MAX)),
            mp4_box(b"sbgp", u32(0) + b"rap " + u32(MAX, MAX, MAX)),
        ),
    ),
    case(
        "saiz",
        "MP4, 4 294 967 295 pieces of encryption",
        _in_stbl(
            mp4_box(b"saiz", u32(0) + b"\x08" + u32(MAX)),
            mp4_box(b"saio", u32(0, MAX, 0)),
            mp4_box(b"senc", u32(2, MAX)),
        ),
    ),
    case(
        "pssh",
        "MP4, 20 000 systems of encryption",
        in_box(b"moov", edit=lambda d: d + mp4_box(b"pssh", bytes(20) + u32(0)) * 20_000),
    ),
    case(
        "udta",
        "MP4, 100 000 tags",
        in_box(b"moov", edit=lambda d: d + mp4_box(b"udta", mp4_box(b"\xa9nam", b"\0\1\0\0a") * 100_000)),
    ),
    case(
        "chpl",
        "MP4, chapters that claim 4 294 967 295",
        in_box(
            b"moov", edit=lambda d: d + mp4_box(b"udta", mp4_box(b"chpl", u32(1 << 24) + b"\0" + u32(MAX) + bytes(300)))
        ),
    ),
    case("rmra", "QuickTime that names 50 other films to play", written("film.mov", _reference_movie)),
    case(
        "heif-grid",
        "HEIF, a grid of 256x256 tiles, 65 535x65 535 pixels",
        written("film.heic", lambda: _heif(65535, 65535)),
    ),
    # ------------------------------------------------------------ fragments
    case(
        "trun-count",
        "MP4, a fragment of 2 147 483 647 pictures",
        written("film.mp4", lambda: after(b"trun", 4, u32(0x7FFFFFFF))(_fragmented())),
    ),
    case(
        "tfdt-max",
        "MP4, a fragment at 2^63 - 1 ticks",
        written(
            "film.mp4",
            lambda: mp4_edited(
                _fragmented(), [b"moof", b"traf", b"tfdt"], lambda _: u32(1 << 24) + b"\x7f" + b"\xff" * 7
            ),
        ),
    ),
    case(
        "trex-max",
        "MP4, pictures of 4 GB by default",
        written(
            "film.mp4",
            lambda: mp4_edited(_fragmented(), [b"moov", b"mvex", b"trex"], lambda c: c[:12] + u32(MAX, MAX) + c[20:]),
        ),
    ),
    case("moof-again", "MP4, 20 000 fragments on the same bytes", written("film.mp4", lambda: _fragment_again(20_000))),
    case("moof-again-few", "MP4, 500 fragments on the same bytes", written("film.mp4", lambda: _fragment_again(500))),
    # ------------------------------------------------------------ Matroska
    case(
        "mkv-laces",
        "Matroska, 10 000 000 empty pictures in 40 000 blocks",
        _mkv(SEGMENT, add=_cluster(2000, _laced(40_000))),
    ),
    case(
        "mkv-clusters",
        "Matroska, 50 000 clusters in one another",
        _mkv(SEGMENT, add=b"\x1f\x43\xb6\x75\x10\xff\xff\xff" * 50_000),
    ),
    case(
        "mkv-time-max",
        "Matroska, a picture after 2^62 ms",
        _mkv(SEGMENT, add=_cluster(1 << 62, ebml_element(b"\xa3", b"\x81\0\0\x80" + bytes(50)))),
    ),
    case(
        "mkv-time-back",
        "Matroska, 5 000 clusters, each at 0 s",
        _mkv(SEGMENT, add=_cluster(0, ebml_element(b"\xa3", b"\x81\0\0\x80" + bytes(50))) * 5_000),
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
    ),
    case("mkv-chapters", "Matroska, 100 000 chapters", _mkv(SEGMENT, add=_chapters(100_000))),
    case("mkv-attachments", "Matroska, 20 000 fonts of one byte", _mkv(SEGMENT, add=_attachments(20_000))),
    case("mkv-seek", "Matroska, 5 000 indexes that name each other", _seek_loop(5_000)),
    case(
        "mkv-strip",
        "Matroska, 60 KB that are put before every picture",
        _mkv(SEGMENT, TRACKS, TRACK, add=_encoded(3, ebml_element(b"\x42\x55", bytes(60_000)))),
    ),
    case(
        "mkv-bzip",
        "Matroska, pictures that are said to be in bzip2",
        _mkv(SEGMENT, TRACKS, TRACK, add=_encoded(1, b"")),
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
    ),
    # ------------------------------------------------------------ AVI
    case("avi-super", "AVI, an index of 4 294 967 295 indexes, all in one place", _super_index(MAX, 0)),
    case("avi-super-self", "AVI, 500 indexes that are the index itself", _super_index(500, 200)),
    case("avi-palettes", "AVI, 100 000 changes of a palette", spoiled("avi", _palettes, MJPEG, None)),
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
    ),
    case(
        "opus-vectors",
        "Matroska, Opus with a mapping of 255 channels",
        spoiled("mkv", after(b"OpusHead", 1, b"\xff"), None, OPUS),
    ),
)

KIND = Kind(
    "Indexes that lie or repeat",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
