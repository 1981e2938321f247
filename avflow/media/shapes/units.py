"""Refuses packets of H.264 and H.265 that consist of far more NAL units than any picture.

FFmpeg's decoders and bitstream filters keep 4 KB for each unit of a packet (libavcodec/h2645_parse.c), whatever its
size. The highest levels allow some hundred slices in a picture (ITU-T H.264 table A-1, H.265 table A.8).
"""

from __future__ import annotations

from typing import Any

from avflow.errors import InvalidMediaOutOfProportion

#: units of one packet, and the bytes of the smallest packet with more: a unit of one byte behind a length of one byte
MAX_UNITS = 20_000
LEAST_BYTES = 2 * MAX_UNITS
#: of each codec, by FFmpeg's name: the byte of the decoder configuration record that tells the size of the length
#: before each unit, in its two lowest bits (ISO/IEC 14496-15)
_LENGTH_SIZE = {"h264": 4, "hevc": 21}


def check_units(name: str, stream: Any, content: Any) -> None:
    """Refuse a packet, or the codec's header, if it has more than `MAX_UNITS` units.

    Parameters
    ----------
    name:
        The name of the file, for the error.
    content:
        The bytes. Those of other codecs are not looked at.

    Raises
    ------
    InvalidMediaOutOfProportion
    """
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    if codec not in _LENGTH_SIZE:
        return
    data = bytes(content)
    if data.count(b"\0\0\1") > MAX_UNITS or _lengths(data, _length_size(codec, stream)) > MAX_UNITS:
        raise InvalidMediaOutOfProportion(
            f"a packet or header of {name}, of {len(data)} bytes, consists of more than {MAX_UNITS} pieces"
        )


def _length_size(codec: str, stream: Any) -> int:
    """Bytes of the length before each unit; 0 with start codes."""
    header = bytes(stream.codec_context.extradata or b"")
    place = _LENGTH_SIZE[codec]
    if len(header) <= place or header[:3] in (b"\0\0\0", b"\0\0\1"):
        return 0
    return (header[place] & 3) + 1


def _lengths(data: bytes, size: int) -> int:
    """The units of a packet with a length before each, counted to one more than the limit."""
    count = position = 0
    while size and position + size <= len(data) and count <= MAX_UNITS:
        position += size + int.from_bytes(data[position : position + size])
        count += 1
    return count
