"""The containers that av-workflow accepts, and the detection of truncated files.

FFmpeg has about 370 demuxers. Playlists and scripts make it open other files and addresses, and some demuxers (ANSI
art, subtitles, raw samples) accept any text. An allowlist therefore names the accepted demuxers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

#: raw streams without a container: no timestamps, no index, valid wherever they are cut
RAW_STREAMS = frozenset(
    {"h264", "hevc", "vvc", "m4v", "mpegvideo", "mjpeg", "mjpeg_2000", "obu", "vc1", "cavsvideo", "dirac", "h261"}
    | {"h263", "yuv4mpegpipe", "dnxhd", "evc"}
)
#: formats designed to be cut or joined at any packet: a missing tail is not an error
CUT_ANYWHERE = RAW_STREAMS | frozenset(
    {"mpegts", "mpeg", "dv", "mp3", "aac", "ac3", "eac3", "dts", "truehd", "loas", "amr", "amrnb", "amrwb", "ogg"}
    | {"live_flv"}
)
#: formats in which recordings may be joined, so that the timestamps jump
CLOCK_MAY_JUMP = frozenset({"mpegts", "mpeg"})
#: formats that store presentation timestamps only; FFmpeg guesses the decoding timestamps
PRESENTATION_TIMES_ONLY = frozenset({"matroska,webm", "nut", "avi"})
#: accepted containers, by the names of FFmpeg's demuxers
CONTAINERS = CUT_ANYWHERE | frozenset(
    {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi", "flv", "asf", "asf_o", "mxf", "gxf", "nut", "rm", "ivf", "gif"}
    | {"wtv", "swf", "nsv", "ty", "dhav", "av1", "wav", "w64", "aiff", "caf", "au", "flac", "wv", "ape", "tta", "tak"}
)
#: value of libavformat's option `format_whitelist`
FORMAT_WHITELIST = ",".join(sorted(CONTAINERS))
#: value of libavformat's option `protocol_whitelist` for reading an upload
PROTOCOL_WHITELIST = "file"

#: Longest walk through a container's elements. A file with more is a live recording, or was made to waste our time:
#: neither announces its end.
_MAX_ELEMENTS = 100_000

#: HLS and other M3U, PLS, FFmpeg's concat and metadata scripts, DASH and other XML manifests, SMIL, SDP, RTSP.
#: Every repetition is possessive, so that no upload can make the search slow.
_PLAYLIST = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?:#EXTM3U|#EXT-X-|\[playlist\]|\[reference\]|ffconcat\s|;FFMETADATA"
    rb"|file\s++['\"\w/.~]|(?:rtsp|rtmp|https?|mms|file)://|v=0\r?\n"
    rb"|(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:MPD|SmoothStreamingMedia|CompositionPlaylist|smil|asx|playlist|manifest)\b)",
    re.IGNORECASE | re.DOTALL,
)


def file_url(path: Path) -> str:
    """The URL of a file for libavformat: absolute and with the protocol `file`, so that any characters are safe."""
    return f"file:{path.absolute()}"


def is_playlist(path: Path) -> bool:
    """Whether the first 4 KiB look like a playlist or script instead of media."""
    with path.open("rb") as file:
        return _PLAYLIST.match(file.read(4096)) is not None


def missing_bytes(path: Path) -> int:
    """The number of bytes that the container announces but the file lacks; 0 if the container announces no size.

    Sources: ISO/IEC 14496-12 section 4.2 (boxes), RFC 8794 section 6 (EBML sizes),
    Microsoft "AVI RIFF File Reference" and EBU Tech 3306 (RF64).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"\x1a\x45\xdf\xa3":
            ends = _ebml_ends(file)
        elif magic[:4] == b"RIFF" and magic[8:12] in (b"AVI ", b"WAVE"):
            ends = _riff_ends(file)
        elif magic[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"):
            ends = _box_ends(file, size)
        else:
            return 0
        return max(0, max(ends, default=0) - size)


def _box_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """The end of each top-level box that holds media or its index; one byte past the file if there is no index."""
    position, has_index = 0, False
    for _ in range(_MAX_ELEMENTS):
        if position + 8 > size:
            break
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        elif length == 0:
            length = size - position
        if length < 8:
            break
        position += length
        has_index = has_index or kind in (b"moov", b"moof")
        if kind in (b"moov", b"moof", b"mdat"):
            yield position
    else:
        return
    if not has_index:
        yield size + 1


def _riff_ends(file: BinaryIO) -> Iterator[int]:
    """The end of each top-level chunk. An AVI over 1 GB has several. Recorders that can't seek leave size 0 or -1."""
    position = 0
    for _ in range(_MAX_ELEMENTS):
        file.seek(position)
        header = file.read(12)
        length = int.from_bytes(header[4:8], "little")
        if len(header) < 12 or header[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):
            break
        position += 8 + length
        yield position
        position += length % 2


def _ebml_ends(file: BinaryIO) -> Iterator[int]:
    """The end of the Segment element. A live recording leaves its size unknown (all ones)."""
    file.seek(0)
    for _ in range(_MAX_ELEMENTS):
        first = file.read(1)
        if not first:
            return
        identifier = first + file.read(_vint_length(first[0]) - 1)
        first = file.read(1)
        if not first:
            return
        width = _vint_length(first[0])
        length = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + file.read(width - 1))
        if length == (1 << 7 * width) - 1:
            return
        end = file.tell() + length
        if identifier == b"\x18\x53\x80\x67":
            yield end
            return
        file.seek(end, os.SEEK_SET)


def _vint_length(first: int) -> int:
    """The length in bytes of an EBML variable-length integer whose first byte is `first`."""
    return 9 - first.bit_length() if first else 1
