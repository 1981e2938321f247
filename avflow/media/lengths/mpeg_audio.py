"""Frames of raw MPEG audio: MP3 (ISO/IEC 11172-3, 13818-3) and AAC in ADTS (ISO/IEC 14496-3, 1.A.2)."""

from __future__ import annotations

from typing import BinaryIO

#: bytes at the end of a file that contain several frames
_TAIL_BYTES = 16_384
#: frames in a row that prove that a sync word is none by chance
_CHAIN = 3
#: kbit/s by the index in the header, of layer III: MPEG-1, and MPEG-2 and 2.5
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
#: sample rates in Hz by the version in the header: MPEG-1, 2 and 2.5
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def frame_length(header: bytes) -> int:
    """The bytes of the frame with this header of at least 6 bytes; 0 if it is no header.

    >>> frame_length(bytes.fromhex("fffb90640000")), frame_length(bytes.fromhex("fff150800c3f"))
    (417, 97)
    """
    if len(header) < 6 or header[0] != 0xFF:
        return 0
    if header[1] & 0xF6 == 0xF0:
        return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    version, index, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if header[1] & 0xE6 != 0xE2 or version not in RATES or index in (0, 15) or rate == 3:
        return 0
    samples = 144 if version == 3 else 72
    return samples * 1_000 * _BITRATES[version != 3][index] // RATES[version][rate] + (header[2] >> 1 & 1)


def last_frame_is_cut(file: BinaryIO, size: int) -> bool:
    """Whether a file of raw frames ends in the middle of a frame. False for any other file."""
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    # from the end on, so that each place is looked at once: the frames in a row, and where they end
    chains: dict[int, tuple[int, int]] = {}
    for place in reversed(range(len(tail))):
        length = frame_length(tail[place : place + 6])
        if length > 6:
            frames, end = chains.get(place + length, (0, place + length))
            chains[place] = frames + 1, end
    for start in range(len(tail) // 2):
        frames, end = chains.get(start, (0, start))
        if frames > _CHAIN:
            rest = len(tail) - end
            return rest < 0 or (0 < rest < 6 and tail[end] == 0xFF)
    return False
