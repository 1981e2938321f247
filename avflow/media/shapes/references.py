"""How many pictures a decoder keeps in memory, from the sequence parameter sets of H.264 and H.265.

Sources: ITU-T H.264 section 7.3.2.1.1 (`max_num_ref_frames`), ITU-T H.265 sections 7.3.2.2 and 7.3.3
(`sps_max_dec_pic_buffering_minus1`), ISO/IEC 14496-15 (decoder configuration records), VP9 Bitstream Specification
section 6.2 and AV1 Bitstream Specification section 7.20 (eight slots).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from avflow.media.shapes.headers import Bits

#: the most that H.264 and H.265 allow
_MOST = 16
#: pictures that other codecs keep, by the names of FFmpeg's decoders; two for all that are not listed
_KEPT = {"vp9": 8, "libvpx-vp9": 8, "av1": 8, "libdav1d": 8, "libaom-av1": 8, "vvc": _MOST} | {"vp8": 3, "libvpx": 3}
_INTRA = ("mjpeg", "png", "apng", "prores", "dnxhd", "rawvideo", "v210", "dvvideo", "jpeg2000", "cfhd", "huffyuv")
#: profiles of H.264 whose parameter sets tell the chroma format (section 7.3.2.1.1)
_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
#: longest parameter set that is read
_SPS_BYTES = 512


def references(codec: str, header: bytes) -> int:
    """The pictures that the decoder keeps, apart from the one that it decodes.

    Parameters
    ----------
    codec:
        Name of FFmpeg's decoder.
    header:
        The decoder configuration record, or parameter sets with or without start codes.
    """
    if codec not in ("h264", "hevc"):
        return _KEPT.get(codec, 0 if codec in _INTRA else 2)
    found = 0
    for unit in _units(codec, header):
        with suppress(ValueError):  # it is cut, or no parameter set
            found = max(found, _of_h264(unit) if codec == "h264" else _of_hevc(unit))
    return min(found, _MOST)


def _units(codec: str, header: bytes) -> Iterator[bytes]:
    """The sequence parameter sets in a header, each from its NAL unit's first byte on, without emulation prevention."""
    parts = header.split(b"\0\0\1") if b"\0\0\1" in header[:5] else [*_recorded(codec, header), header]
    for part in parts:
        unit = part[:_SPS_BYTES].replace(b"\0\0\3", b"\0\0")
        if unit and (unit[0] & 31 == 7 if codec == "h264" else unit[0] >> 1 & 63 == 33):
            yield unit


def _recorded(codec: str, header: bytes) -> Iterator[bytes]:
    """The NAL units of a decoder configuration record, and what follows it."""
    if header[:1] != b"\1":
        return
    at = 6 if codec == "h264" else 23
    arrays = 1 if codec == "h264" else header[22] if len(header) > 22 else 0
    for _ in range(arrays):
        count = header[5] & 31 if codec == "h264" and len(header) > 5 else int.from_bytes(header[at + 1 : at + 3])
        at += 0 if codec == "h264" else 3
        for _ in range(count):
            length = int.from_bytes(header[at : at + 2])
            if at >= len(header):
                return
            yield header[at + 2 : at + 2 + length]
            at += 2 + length
    if codec == "h264" and at < len(header):  # picture parameter sets
        for _ in range(header[at]):
            at += 2 + int.from_bytes(header[at + 1 : at + 3])
        at += 1
    yield header[at:]


def _of_h264(unit: bytes) -> int:
    bits = Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    if profile in _HIGH:
        chroma = bits.golomb()
        bits.take(chroma == 3)
        bits.golomb(), bits.golomb()
        bits.take(1)
        if bits.take(1):
            for number in range(12 if chroma == 3 else 8):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if number < 6 else 64)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.golomb(), bits.golomb()
        for _ in range(bits.golomb()):
            bits.golomb()
    return bits.golomb()


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.golomb()
            following = (last + ((code + 1) // 2 if code % 2 else -code // 2)) % 256
        last = following or last


def _of_hevc(unit: bytes) -> int:
    bits = Bits(unit[2:])
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    bits.take(bits.golomb() == 3)
    bits.golomb(), bits.golomb()
    if bits.take(1):
        for _ in range(4):
            bits.golomb()
    for _ in range(3):
        bits.golomb()
    every = bits.take(1)
    kept = 0
    for _ in range(layers + 1 if every else 1):
        kept = max(kept, bits.golomb() + 1)
        bits.golomb(), bits.golomb()
    return kept
