"""Reads from packets what announces the size of frames, without decoding them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.stream import Stream

#: codecs whose headers FFmpeg's bitstream filter `extract_extradata` finds in a packet, by the names of the decoders
_EXTRACTABLE = ("h264", "hevc", "vvc", "av1", "libdav1d", "libaom-av1", "mpeg1video", "mpeg2video", "mpeg4", "vc1")
#: of H.264, H.265 and H.266 in MP4 and Matroska, where a length precedes each NAL unit: the byte of the extradata that
#: tells the size of this length, and the place of its two bits (ISO/IEC 14496-15, decoder configuration records)
_LENGTH_SIZE = {"h264": (4, 0), "hevc": (21, 0), "vvc": (0, 1)}
#: the byte of a NAL unit that has its type, the place of the type's bits, the type of a sequence parameter set, and the
#: types of slices (ITU-T H.264 table 7-1, H.265 table 7-1, H.266 table 5)
_NAL_UNITS = {
    "h264": (0, 0, 31, 7, range(1, 6)),
    "hevc": (0, 1, 63, 33, range(32)),
    "vvc": (1, 3, 31, 15, range(12)),
}
#: bytes of parameter sets that are looked at in one packet; one has some hundred
_MOST_BYTES = 1 << 16
_VP8_START_CODE, _VP9_SYNC_CODE = b"\x9d\x01\x2a", 0x498342
_VP9_RGB = 7


class HeaderReader:
    """Finds the headers of a stream that announce the size of frames, as bytes to compare."""

    def __init__(self, stream: Any) -> None:
        self._codec: str = stream.codec_context.name
        self.extradata = bytes(stream.codec_context.extradata or b"")
        self._in_packets = b""
        self._filter: BitStreamFilterContext | None = None
        if self._codec in _EXTRACTABLE:
            with suppress(av.error.FFmpegError, ValueError):
                self._filter = BitStreamFilterContext("extract_extradata", stream)
        self._vp9 = Vp9Sizes() if self._codec.endswith("vp9") else None
        #: whether only keyframes have headers
        self.only_keyframes = self._vp9 is None

    def read(self, packet: av.Packet[Stream]) -> bytes:
        """The header that applies to this packet: its own, or else the last one."""
        if self._vp9 is not None:
            return self._vp9.read(bytes(packet))
        if packet.has_sidedata("new_extradata"):
            self.extradata, self._in_packets = bytes(packet.get_sidedata("new_extradata")), b""
        self._in_packets = self._own(packet) or self._in_packets
        return self.extradata + self._in_packets

    def _own(self, packet: av.Packet[Stream]) -> bytes:
        if self._codec == "vp8":  # RFC 6386 section 9.1: the start code, and 14 bits for each side
            data = bytes(memoryview(packet)[:10])
            return data[6:] if data[3:6] == _VP8_START_CODE else b""
        if self._codec in _LENGTH_SIZE and self.extradata[:3] not in (b"", b"\0\0\0", b"\0\0\1"):
            return self._parameter_sets(memoryview(packet))
        return self._extracted(packet)

    def _parameter_sets(self, data: memoryview) -> bytes:
        """The sequence parameter sets before the first slice, where a length precedes each NAL unit."""
        byte, shift = _LENGTH_SIZE[self._codec]
        size = (self.extradata[byte] >> shift & 3) + 1 if byte < len(self.extradata) else 4
        at, shift, mask, parameter_set, slices = _NAL_UNITS[self._codec]
        found, position = b"", 0
        while position + size + at < len(data) and len(found) < _MOST_BYTES:
            length = int.from_bytes(data[position : position + size])
            position += size
            kind = data[position + at] >> shift & mask
            if kind in slices:
                break
            if kind == parameter_set:
                found += data[position : position + length]
            position += length
        return found

    def _extracted(self, packet: av.Packet[Stream]) -> bytes:
        if self._filter is None:
            return b""
        try:
            # a copy, because the filter takes its packet away
            filtered = self._filter.filter(av.Packet(bytes(packet)))
        except av.error.FFmpegError:
            return b""
        return b"".join(bytes(p.get_sidedata("new_extradata")) for p in filtered if p.has_sidedata("new_extradata"))


def vp9_size(header: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels from the header of a VP9 packet; None if it has none."""
    return (int.from_bytes(header[:2]) + 1, int.from_bytes(header[2:]) + 1) if header else None


class Vp9Sizes:
    """The sizes of VP9 frames, which may differ from frame to frame (VP9 Bitstream Specification, sections 6.2, 7.2).

    A frame may take its size from one of eight reference frames.
    """

    def __init__(self) -> None:
        self._references = [b""] * 8
        self._shown = b""

    def read(self, packet: bytes) -> bytes:
        """Width - 1 and height - 1 of the last shown frame, with 16 bits each; b"" before the first one."""
        for frame in _vp9_frames(packet):
            with suppress(ValueError):
                self._shown = self._frame(Bits(frame)) or self._shown
        return self._shown

    def _frame(self, bits: Bits) -> bytes:
        if bits.take(2) != 2:
            raise ValueError("no frame marker")
        profile = bits.take(1) | bits.take(1) << 1
        bits.take(profile == 3)
        if bits.take(1):  # shows a reference frame
            return self._references[bits.take(3)]
        inter, shown, resilient = bits.take(1), bits.take(1), bits.take(1)
        intra_only = bool(inter) and not shown and bool(bits.take(1))
        bits.take(2 if inter and not resilient else 0)
        if not inter or intra_only:
            if bits.take(24) != _VP9_SYNC_CODE:
                raise ValueError("no sync code")
            if not inter or profile > 0:
                _skip_colours(bits, profile)
            refreshed = bits.take(8) if inter else 0xFF
            size = bits.take(32).to_bytes(4)
        else:
            refreshed = bits.take(8)
            used = [(bits.take(3), bits.take(1))[0] for _ in range(3)]
            size = next((self._references[slot] for slot in used if bits.take(1)), b"") or bits.take(32).to_bytes(4)
        for slot in range(8):
            if refreshed >> slot & 1:
                self._references[slot] = size
        return size if shown else b""


def _skip_colours(bits: Bits, profile: int) -> None:
    bits.take(profile >= 2)
    if bits.take(3) != _VP9_RGB:
        bits.take(1)
        bits.take(3 if profile in (1, 3) else 0)
    else:
        bits.take(profile in (1, 3))


def _vp9_frames(packet: bytes) -> Iterator[bytes]:
    """The starts of the frames of a packet. A superframe has an index at its end (VP9, annex B)."""
    marker = packet[-1] if packet else 0
    count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
    index = 2 + count * width
    if marker >> 5 != 6 or len(packet) < index or packet[-index] != marker:
        yield packet[:32]
        return
    position, sizes = 0, packet[len(packet) - index + 1 : -1]
    for number in range(count):
        yield packet[position : position + 32]
        position += int.from_bytes(sizes[number * width : (number + 1) * width], "little")


class Bits:
    """Bits of a header, from the most significant on. `take` raises ValueError after the last one."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("the header ends too early")
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned Exp-Golomb code (ITU-T H.264, section 9.1), of at most 32 bits."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("the code is too long")
        return (1 << zeros) - 1 + self.take(zeros)
