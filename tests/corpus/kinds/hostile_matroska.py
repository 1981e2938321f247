"""Matroska and WebM whose elements lie (RFC 8794, RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.corpus.boxes import SEGMENT, TRACK, TRACKS, VIDEO, ebml_edited, ebml_element
from tests.corpus.case import Kind
from tests.corpus.film import AAC, H264
from tests.corpus.kinds.hostile_common import (
    HEARD,
    NO_STREAMS,
    SILENT,
    UNREADABLE,
    Make,
    case,
    spoiled,
    written,
    zeros,
)

EBML, INFO, AUDIO = b"\x1a\x45\xdf\xa3", b"\x15\x49\xa9\x66", b"\xe1"
SCALE, DURATION, DEFAULT_DURATION = b"\x2a\xd7\xb1", b"\x44\x89", b"\x23\xe3\x83"
TAGS, CHAPTERS, ATTACHMENTS, CUES = b"\x12\x54\xc3\x67", b"\x10\x43\xa7\x70", b"\x19\x41\xa4\x69", b"\x1c\x53\xbb\x6b"
WIDTH, HEIGHT, DISPLAY_WIDTH = b"\xb0", b"\xba", b"\x54\xb0"
RATE, CHANNELS = b"\xb5", b"\x9f"


def _mkv(*path: bytes, add: bytes = b"", replace: bytes | None = None, video: bool = True) -> Make:
    """A recipe: a Matroska film with more in an element, or other content."""
    edit: Callable[[bytes], bytes] = lambda content: replace if replace is not None else content + add  # noqa: E731
    return spoiled("mkv", lambda d: ebml_edited(d, path, edit), H264 if video else None, None if video else AAC)


def _nested(name: bytes, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = ebml_element(name, content)
    return content


def _unknown_sizes(count: int) -> bytes:
    return b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" * count


def _packed(bomb: int) -> bytes:
    """A track's content encoding: zlib for its header, which unpacks to `bomb` bytes, and its blocks."""
    compression = ebml_element(b"\x50\x34", ebml_element(b"\x42\x54", b"\0"))
    scope = ebml_element(b"\x50\x32", b"\3")
    encodings = ebml_element(b"\x6d\x80", ebml_element(b"\x62\x40", scope + compression))
    return encodings + ebml_element(b"\x63\xa2", zeros(bomb))


CASES = (
    case(
        "ebml-76",
        "76 bytes of EBML that announce more than any file has",
        written("film.mkv", bytes.fromhex("1a45dfa301fffffffffffffe") + bytes(64)),
        UNREADABLE,
        quick=True,
    ),
    case(
        "ebml-sizes",
        "Matroska, 200 000 elements of unknown size in one another",
        spoiled("mkv", lambda d: d + _unknown_sizes(200_000), H264, None),
        SILENT,
    ),
    case("ebml-depth", "Matroska, elements nested 5 000 deep", _mkv(SEGMENT, add=_nested(TAGS, 5_000)), SILENT),
    case(
        "chapters-depth",
        "Matroska, chapters nested 3 000 deep",
        _mkv(SEGMENT, add=ebml_element(CHAPTERS, ebml_element(b"\x45\xb9", _nested(b"\xb6", 3_000)))),
        SILENT,
    ),
    case(
        "tags-20000",
        "Matroska, 20 000 tags",
        _mkv(
            SEGMENT,
            add=ebml_element(
                TAGS,
                ebml_element(
                    b"\x73\x73",
                    ebml_element(b"\x67\xc8", ebml_element(b"\x45\xa3", b"A") + ebml_element(b"\x44\x87", b"B")),
                )
                * 20_000,
            ),
        ),
        SILENT,
    ),
    case(
        "attachment",
        "Matroska, an attachment of 4 GB that is not there",
        _mkv(SEGMENT, add=ATTACHMENTS + b"\x01" + (2**32).to_bytes(7) + b"\x61\xa7\x01" + (2**32).to_bytes(7)),
        SILENT,
    ),
    case("scale-0", "Matroska, no nanoseconds a tick", _mkv(SEGMENT, INFO, add=ebml_element(SCALE, b"\0")), SILENT),
    case(
        "scale-max",
        "Matroska, 585 years a tick",
        _mkv(SEGMENT, INFO, add=ebml_element(SCALE, b"\x7f" + b"\xff" * 7)),
        UNREADABLE,
    ),
    case(
        "scale-hours",
        "Matroska, 100 s a tick",
        _mkv(SEGMENT, INFO, add=ebml_element(SCALE, (10**11).to_bytes(5))),
        UNREADABLE,
    ),
    case(
        "duration-nan",
        "Matroska, a duration that is no number",
        _mkv(SEGMENT, INFO, add=ebml_element(DURATION, b"\x7f\xf8" + bytes(6))),
        SILENT,
    ),
    case(
        "default-duration",
        "Matroska, one nanosecond a picture",
        _mkv(SEGMENT, TRACKS, TRACK, add=ebml_element(DEFAULT_DURATION, b"\1")),
        SILENT,
        quick=True,
    ),
    case(
        "mkv-size",
        "Matroska, 4 294 967 295 x 4 294 967 295 pixels",
        _mkv(SEGMENT, TRACKS, TRACK, VIDEO, add=ebml_element(WIDTH, b"\xff" * 4) + ebml_element(HEIGHT, b"\xff" * 4)),
        SILENT,
    ),
    case(
        "mkv-display",
        "Matroska, shown a million times as wide as high",
        _mkv(SEGMENT, TRACKS, TRACK, VIDEO, add=ebml_element(DISPLAY_WIDTH, b"\x0f\x42\x40\0")),
        SILENT,
    ),
    case(
        "mkv-crop",
        "Matroska, cropped by more than there is",
        _mkv(
            SEGMENT,
            TRACKS,
            TRACK,
            VIDEO,
            add=ebml_element(b"\x54\xaa", b"\xff\xff") + ebml_element(b"\x54\xcc", b"\xff\xff"),
        ),
        UNREADABLE,
    ),
    case(
        "mkv-rate-nan",
        "Matroska, NaN samples a second",
        _mkv(SEGMENT, TRACKS, TRACK, AUDIO, add=ebml_element(RATE, b"\x7f\xf8" + bytes(6)), video=False),
        HEARD,
    ),
    case(
        "mkv-rate-huge",
        "Matroska, 10^300 samples a second",
        _mkv(SEGMENT, TRACKS, TRACK, AUDIO, add=ebml_element(RATE, struct.pack(">d", 1e300)), video=False),
        HEARD,
    ),
    case(
        "mkv-channels",
        "Matroska, 4 294 967 295 channels",
        _mkv(SEGMENT, TRACKS, TRACK, AUDIO, add=ebml_element(CHANNELS, b"\xff" * 4), video=False),
        UNREADABLE,
    ),
    case(
        "mkv-zlib",
        "Matroska, a codec header of 900 MB in 900 KB of zlib",
        spoiled(
            "mkv",
            lambda d: ebml_edited(d, [SEGMENT, TRACKS, TRACK], lambda content: content + _packed(900_000_000)),
            H264,
            None,
        ),
        NO_STREAMS,
    ),
    case(
        "mkv-tracks",
        "Matroska, 20 000 tracks",
        spoiled("mkv", lambda d: ebml_edited(d, [SEGMENT, TRACKS], lambda content: content * 20_000), H264, None),
        SILENT,
    ),
    case(
        "mkv-codec",
        "Matroska, a codec that does not exist",
        spoiled("mkv", lambda d: d.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"), H264, None),
        UNREADABLE,
    ),
    case(
        "mkv-cues",
        "Matroska, an index of 20 000 entries to nowhere",
        _mkv(
            SEGMENT,
            add=ebml_element(
                CUES,
                ebml_element(
                    b"\xbb",
                    ebml_element(b"\xb3", b"\1")
                    + ebml_element(
                        b"\xb7", ebml_element(b"\xf7", b"\1") + ebml_element(b"\xf1", b"\x7f\xff\xff\xff\xff")
                    ),
                ),
            )
            * 20_000,
        ),
        SILENT,
    ),
)

KIND = Kind(
    "Hostile Matroska",
    "A named error or what is there, within 60 s and 2 GB.",
    CASES,
)
