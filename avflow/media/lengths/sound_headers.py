"""The headers of files of plain sound samples (WAV, RF64, Wave64, AIFF, AU, CAF), FLAC and MP3.

They announce a length, which may be unknown or wrong: a program that writes to a pipe, or a recorder that died, can't
go back to the header.

Sources: Microsoft "Multimedia Programming Interface and Data Specifications 1.0" (WAV), EBU Tech 3306 (RF64), Sony
"Wave 64 file format", Apple "AIFF-C" and "Core Audio Format Specification", Sun "audio(7I)" (AU), RFC 9639 (FLAC),
ISO/IEC 11172-3 and the LAME "Mp3 info tag" (MP3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from avflow.media.lengths import mpeg_audio
from avflow.media.limits import MAX_SECONDS

#: most chunks before the samples
_MAX_CHUNKS = 1_000
#: Wave64 names a chunk by a GUID, which begins with these four letters
_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
#: where the tag begins in an MP3 frame, by (MPEG-1, mono), and the samples of the frame, by MPEG-1
_MP3_TAG_AT = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
_MP3_SAMPLES = {True: 1152, False: 576}
#: FFmpeg's raw formats, by (WAVE_FORMAT, bits per sample), by AU's encoding, and by (AIFF-C's compression, bits)
_WAV_FORMATS = {(1, 8): "u8", (1, 16): "s16le", (1, 24): "s24le", (1, 32): "s32le", (3, 32): "f32le"} | {
    (3, 64): "f64le",
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
_AU_FORMATS = {1: "mulaw", 2: "s8", 3: "s16be", 4: "s24be", 5: "s32be", 6: "f32be", 7: "f64be", 27: "alaw"}
_AIFF_FORMATS = {(b"NONE", bits): f"s{bits}{'be' if bits > 8 else ''}" for bits in (8, 16, 24, 32)} | {
    (b"sowt", 16): "s16le",
    (b"fl32", 32): "f32be",
    (b"FL32", 32): "f32be",
}


@dataclass(frozen=True)
class Samples:
    """Where the samples of a sound file lie."""

    #: FFmpeg's name of the demuxer
    container: str
    #: position of the first sample in the file
    start: int
    #: bytes of the samples; None if the header doesn't say
    length: int | None
    bytes_per_second: float
    #: FFmpeg's name of the raw format; empty if the samples are compressed
    format: str
    rate: int
    channels: int
    #: whether FFmpeg reads such a file if its length is unknown
    open_end: bool = True

    @property
    def seconds(self) -> Fraction | None:
        """Seconds that the header announces; None if it announces none, or more than any recording has."""
        if self.length is None or not self.bytes_per_second > 0:
            return None
        seconds = Fraction(self.length) / Fraction(self.bytes_per_second)
        return seconds if seconds <= MAX_SECONDS else None

    @property
    def end(self) -> int | None:
        """The announced position after the last sample; None if the header doesn't say, or announces too much."""
        return None if self.length is None or self.seconds is None else self.start + self.length


def unknown(length: int) -> bool:
    """Whether a 32-bit size is only a placeholder, because the writer could not know it.

    Programs that write to a pipe leave 0 (GStreamer), -1 and little less (FFmpeg, LAME), 0x7FFFF000 and little more
    (eSpeak, SoX, MPlayer), or 0x80000000 (arecord).

    >>> [unknown(size) for size in (0, 0xFFFFFFFF, 0x7FFFF024, 0x80000024, 184_342, 3_000_000_000)]
    [True, True, True, True, False, False]
    """
    return length == 0 or 0x7FFF_F000 <= length <= 0x8000_1000 or length >= 0xFFFF_F000


def samples(file: BinaryIO) -> Samples | None:
    """Where the samples lie; None for any other kind of file."""
    file.seek(0)
    magic = file.read(16)
    for matches, read in (
        (magic[:4] in (b"RIFF", b"RF64", b"BW64") and magic[8:12] == b"WAVE", _wave),
        (magic == _W64_RIFF, _wave64),
        (magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC"), _aiff),
        (magic[:4] == b".snd", _au),
        (magic[:4] == b"caff", _caf),
    ):
        if matches:
            return read(file)
    return None


def _format_chunk(content: bytes) -> tuple[str, int, int, int]:
    """FFmpeg's raw format, the sample rate, the channels and the bytes per second in a WAV's `fmt ` chunk."""
    tag, channels, rate, per_second, _, bits = struct.unpack("<HHIIHH", content[:16].ljust(16, b"\0"))
    if tag == 0xFFFE and len(content) >= 26:  # WAVE_FORMAT_EXTENSIBLE
        tag = int.from_bytes(content[24:26], "little")
    return _WAV_FORMATS.get((tag, bits), ""), rate, channels, per_second


def _wave(file: BinaryIO) -> Samples | None:
    file.seek(0)
    wide = file.read(4) != b"RIFF"
    position, form, large = 12, ("", 0, 0, 0), 0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        if len(header) < 8:
            break
        if kind == b"ds64":  # RF64: the 64-bit sizes of the file and of the samples
            large = int.from_bytes(file.read(16)[8:], "little")
        elif kind == b"fmt ":
            form = _format_chunk(file.read(40))
        elif kind == b"data":
            size = large if wide and length == 0xFFFF_FFFF else length
            placeholder = unknown(length) if size is length else not 0 < size < 2**62
            return Samples(
                "wav", position + 8, None if placeholder else size, form[3], form[0], form[1], form[2], not wide
            )
        position += 8 + length + length % 2
    return None


def _wave64(file: BinaryIO) -> Samples | None:
    position, form = 40, ("", 0, 0, 0)
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(24)
        length = int.from_bytes(header[16:], "little") - 24  # the size includes the chunk's header
        if len(header) < 24:
            break
        if header[:4] == b"data":
            size = length if 0 < length < 2**62 and not unknown(length) else None
            return Samples("w64", position + 24, size, form[3], form[0], form[1], form[2], open_end=False)
        if not 0 <= length < 2**62:
            break
        if header[:4] == b"fmt ":
            form = _format_chunk(file.read(40))
        position += 24 + length + -length % 8
    return None


def _aiff(file: BinaryIO) -> Samples | None:
    position, form, channels, rate, bits = 12, "", 0, 0, 0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        length = int.from_bytes(header[4:])
        if len(header) < 8:
            break
        if header[:4] == b"COMM":
            content = file.read(22).ljust(22, b"\0")
            channels, _, bits, exponent, mantissa = struct.unpack(">HIHHQ", content[:18])
            rate = int(mantissa * Fraction(2) ** min((exponent & 0x7FFF) - 16_383 - 63, 0))
            form = _AIFF_FORMATS.get((content[18:] if length >= 22 else b"NONE", bits), "")
        elif header[:4] == b"SSND":
            size = None if unknown(length) else length - 8  # after an offset and a block size
            per_second = rate * channels * ((bits + 7) // 8) if form else 0
            return Samples("aiff", position + 16, size, per_second, form, rate, channels, open_end=False)
        position += 8 + length + length % 2
    return None


def _au(file: BinaryIO) -> Samples | None:
    file.seek(4)
    start, length, encoding, rate, channels = struct.unpack(">5I", file.read(20).ljust(20, b"\0"))
    form = _AU_FORMATS.get(encoding, "")
    per_second = rate * channels * (int("".join(filter(str.isdigit, form)) or 8) // 8) if form else 0
    size = None if unknown(length) else length
    return Samples("au", start, size, per_second, form, rate, channels, open_end=length != 0)


def _caf(file: BinaryIO) -> Samples | None:
    position, per_second = 8, 0.0
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(12)
        length = int.from_bytes(header[4:], signed=True)
        if len(header) < 12:
            break
        if header[:4] == b"desc":
            rate, _, _, packet, frames = struct.unpack(">d4sIII", file.read(24).ljust(24, b"\0"))
            per_second = rate * packet / frames if frames and 0 < rate < 1e9 else 0.0
        elif header[:4] == b"data":
            size = length - 4 if 4 < length < 2**62 else None  # after an edit count
            return Samples("caf", position + 16, size, per_second, "", 0, 0)
        if not 0 <= length < 2**62:
            break
        position += 12 + length
    return None


def flac_seconds(file: BinaryIO) -> Fraction | None:
    """The seconds in STREAMINFO: 20 bits of sample rate, 8 of channels and depth, 36 of samples, where 0 is unknown."""
    file.seek(18)
    field = int.from_bytes(file.read(8))
    rate, length = field >> 44, field & (2**36 - 1)
    return Fraction(length, rate) if rate and length else None


def mp3_seconds(file: BinaryIO, magic: bytes, size: int) -> Fraction | None:
    """The number of frames in the tag `Xing` or `Info` of the first frame."""
    tag = 0
    if magic[:3] == b"ID3":
        tag = 10 + sum((byte & 0x7F) << 7 * (3 - n) for n, byte in enumerate(magic[6:10]))
    if tag >= size:
        return None
    file.seek(tag)
    head = file.read(200)
    if len(head) < 64 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, mono = head[1] >> 3 & 3, head[3] >> 6 == 3
    rates, index = mpeg_audio.RATES.get(version), head[2] >> 2 & 3
    at = _MP3_TAG_AT[version == 3, mono]
    if rates is None or index == 3 or head[at : at + 4] not in (b"Xing", b"Info") or not head[at + 7] & 1:
        return None
    return Fraction(int.from_bytes(head[at + 8 : at + 12]) * _MP3_SAMPLES[version == 3], rates[index])
