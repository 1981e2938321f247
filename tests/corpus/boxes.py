"""Byte edits of MP4 boxes (ISO/IEC 14496-12), Matroska elements (RFC 8794, RFC 9559) and other headers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

#: bytes of the fields before the first child of a box, beyond its size and name
_BEFORE_CHILDREN = {b"stsd": 8, b"meta": 4, b"dref": 8}
_VISUAL, _AUDIO = 78, 28
_SAMPLE_ENTRIES = {
    b"avc1": _VISUAL,
    b"hev1": _VISUAL,
    b"hvc1": _VISUAL,
    b"mp4v": _VISUAL,
    b"mp4a": _AUDIO,
    b"fLaC": _AUDIO,
}

Edit = Callable[[bytes], bytes]


def mp4_boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The (name, content) of the boxes in `data`, one after another."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        size, head = (struct.unpack(">Q", data[at + 8 : at + 16])[0], 16) if size == 1 else (size, 8)
        size = size or len(data) - at
        found.append((name, data[at + head : at + size]))
        at += size
    return found


def mp4_box(name: bytes, content: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", len(content) + 8, name) + content


def mp4_edited(data: bytes, path: Sequence[bytes], edit: Edit) -> bytes:
    """`data` with the content of each box at `path` edited. Sizes are corrected, offsets are not: moov must be last."""
    parts = []
    for name, content in mp4_boxes(data):
        skip = _BEFORE_CHILDREN.get(name, _SAMPLE_ENTRIES.get(name, 0))
        if name != path[0]:
            changed = content
        elif len(path) == 1:
            changed = edit(content)
        else:
            changed = content[:skip] + mp4_edited(content[skip:], path[1:], edit)
        parts.append(mp4_box(name, changed))
    return b"".join(parts)


def edit_list(data: bytes, edits: Sequence[tuple[float, float]]) -> bytes:
    """An MP4 whose tracks show only these (start, end) seconds of their media."""
    moov = dict(mp4_boxes(data))[b"moov"]
    movie_scale = struct.unpack(">I", dict(mp4_boxes(moov))[b"mvhd"][12:16])[0]

    def in_track(track: bytes) -> bytes:
        media_scale = struct.unpack(">I", dict(mp4_boxes(dict(mp4_boxes(track))[b"mdia"]))[b"mdhd"][12:16])[0]
        skipped = _first_edit(track)  # what the encoder put before the first sample
        rows = b"".join(
            struct.pack(">IiHH", round((end - start) * movie_scale), skipped + round(start * media_scale), 1, 0)
            for start, end in edits
        )
        box = mp4_box(b"edts", mp4_box(b"elst", struct.pack(">II", 0, len(edits)) + rows))
        children = [(name, content) for name, content in mp4_boxes(track) if name != b"edts"]
        return b"".join(mp4_box(*child) + (box if child[0] == b"tkhd" else b"") for child in children)

    return mp4_edited(data, [b"moov", b"trak"], in_track)


def _first_edit(track: bytes) -> int:
    """The media time at which a track's only edit begins. 0 without an edit list."""
    edits = dict(mp4_boxes(track)).get(b"edts")
    return 0 if edits is None else int(struct.unpack(">i", dict(mp4_boxes(edits))[b"elst"][12:16])[0])


# ---------------------------------------------------------------- Matroska
SEGMENT, TRACKS, TRACK, VIDEO = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
SEEK_HEAD, CUES, CODEC_ID, VOID = b"\x11\x4d\x9b\x74", b"\x1c\x53\xbb\x6b", b"\x86", b"\xec"
CROP_BOTTOM, CROP_TOP, CROP_LEFT, CROP_RIGHT = b"\x54\xaa", b"\x54\xbb", b"\x54\xcc", b"\x54\xdd"


def ebml_elements(data: bytes) -> list[tuple[bytes, bytes]]:
    """The (id, content) of the elements in `data`. An element of unknown size reaches to the end."""
    found, at = [], 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        name, at = data[at : at + width], at + width
        length = 9 - data[at].bit_length()
        raw = int.from_bytes(data[at : at + length], "big")
        mask = (1 << 7 * length) - 1
        size, at = (raw & mask, at + length)
        size = len(data) - at if size == mask else size
        found.append((name, data[at : at + size]))
        at += size
    return found


def ebml_element(name: bytes, content: bytes) -> bytes:
    """An element, its size in eight bytes."""
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content


def ebml_edited(data: bytes, path: Sequence[bytes], edit: Edit) -> bytes:
    """`data` with the content of each element at `path` edited. Elements that tell positions are left out."""
    parts = []
    for name, content in ebml_elements(data):
        if name in (SEEK_HEAD, CUES):
            continue
        if name != path[0]:
            changed = content
        else:
            changed = edit(content) if len(path) == 1 else ebml_edited(content, path[1:], edit)
        parts.append(ebml_element(name, changed))
    return b"".join(parts)


def cropped(data: bytes, *, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> bytes:
    """A Matroska file whose picture a player crops by these pixels (RFC 9559, "PixelCropTop" and others)."""
    sides = {CROP_LEFT: left, CROP_TOP: top, CROP_RIGHT: right, CROP_BOTTOM: bottom}
    more = b"".join(ebml_element(name, pixels.to_bytes(2, "big")) for name, pixels in sides.items())
    return ebml_edited(data, [SEGMENT, TRACKS, TRACK, VIDEO], lambda content: content + more)


def clean_aperture(data: bytes, width: int, height: int, entry: bytes = b"avc1") -> bytes:
    """An MP4 whose picture is shown by `width` x `height` pixels around its middle (ISO/IEC 14496-12, "clap")."""
    clap = mp4_box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, 0, 1, 0, 1))
    path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", entry]
    return mp4_edited(data, path, lambda content: content + clap)
