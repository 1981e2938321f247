"""Sound whose header lies, and days of it in a few bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

from tests.corpus.case import Kind
from tests.corpus.film import AAC, FLAC, MP3, OPUS, PCM
from tests.corpus.kinds.hostile_common import (
    HEARD,
    NO_STREAMS,
    REFUSED,
    UNREADABLE,
    Make,
    after,
    at,
    case,
    ogg_checked,
    spoiled,
    written,
)

SOUND = ("InvalidMediaSound", "InvalidMediaUnreadable", "InvalidMediaTooLong", "InvalidMediaNoStreams")


def _wave(
    rate: int, channels: int = 1, bits: int = 8, size: int = 86_400, *, form: int = 1, align: int | None = None
) -> bytes:
    """A WAV file of plain samples (Microsoft "Multimedia Programming Interface and Data Specifications 1.0")."""
    block = channels * ((bits + 7) // 8) if align is None else align
    head = struct.pack(
        "<IHHIIHH", 16, form, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits
    )  # fmt: skip
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + head + b"data" + struct.pack("<I", size) + b"\x80" * size
    )


def _wav(*numbers: int, **more: int) -> Make:
    return written("sound.wav", lambda: _wave(*numbers, **more))  # type: ignore[arg-type]


def _flac(rate: int, channels: int, block: int, frames: int) -> bytes:
    """FLAC whose frames are all constant: `block` samples in about 12 bytes (RFC 9639, sections 8.2 and 9)."""
    info = struct.pack(">HH", 16, 65_535) + bytes(6)
    info += (rate << 44 | (channels - 1) << 41 | 15 << 36 | block * frames).to_bytes(8) + bytes(16)
    parts = [b"fLaC\x80\0\0\x22", info]
    for number in range(frames):
        head = b"\xff\xf8" + bytes([0x70 | 0, (channels - 1) << 4 | 8]) + _utf8(number) + struct.pack(">H", block - 1)
        head += bytes([_crc(head, 8, 0x07)])
        content = head + b"\0\0\0" * channels
        parts.append(content + _crc(content, 16, 0x8005).to_bytes(2))
    return b"".join(parts)


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


@cache
def _crc_table(width: int, polynomial: int) -> tuple[int, ...]:
    rows, top, mask = [], 1 << (width - 1), (1 << width) - 1
    for byte in range(256):
        value = byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        rows.append(value)
    return tuple(rows)


def _crc(data: bytes, width: int, polynomial: int) -> int:
    value, mask, table = 0, (1 << width) - 1, _crc_table(width, polynomial)
    for byte in data:
        value = (value << 8 ^ table[value >> (width - 8) ^ byte]) & mask
    return value


def _aiff(rate: bytes, channels: int = 1, frames: int = 1000, bits: int = 16) -> bytes:
    comm = struct.pack(">HIH", channels, frames, bits) + rate
    samples = bytes(2000)
    content = (
        b"AIFFCOMM" + struct.pack(">I", 18) + comm + b"SSND" + struct.pack(">III", 8 + len(samples), 0, 0) + samples
    )
    return b"FORM" + struct.pack(">I", len(content)) + content


def _caf(rate: float, packet: int = 2, frames: int = 1, channels: int = 1) -> bytes:
    desc = struct.pack(">d4sIIIII", rate, b"lpcm", 0, packet, frames, channels, 16)
    return b"caff\0\1\0\0desc" + struct.pack(">q", 32) + desc + b"data" + struct.pack(">q", -1) + bytes(4004)


def _au(rate: int, channels: int = 1, start: int = 24) -> bytes:
    return b".snd" + struct.pack(">5I", start, 4000, 3, rate, channels) + bytes(4000)


def _sound(suffix: str, edit: Callable[[bytes], bytes], audio: tuple[str, ...]) -> Make:
    return spoiled(suffix, edit, None, audio, name="sound")


EXTENDED_MAX = b"\x7f\xfe" + b"\xff" * 8
RATE_48000 = b"\x40\x0e\xbb\x80" + bytes(6)
CASES = (
    case("wav-day", "WAV, 24 hours in 86 KB: one sample a second", _wav(1), "InvalidMediaSound", quick=True),
    case("wav-day-16", "WAV, 24 hours in 691 KB: four samples a second", _wav(4, 1, 16, 691_200), "InvalidMediaSound"),
    case("wav-100-mhz", "WAV, 100 MHz", _wav(100_000_000, 1, 16, 400_000), "InvalidMediaSound", quick=True),
    case("wav-1-mhz", "WAV, 1 MHz", _wav(1_000_000, 2, 16, 400_000), "InvalidMediaSound"),
    case("wav-4-ghz", "WAV, 4 294 967 295 samples a second", _wav(0xFFFFFFFF, 1, 16, 40_000), UNREADABLE),
    case("wav-0-hz", "WAV, no samples a second", _wav(0, 1, 16, 40_000), UNREADABLE),
    case("wav-255-channels", "WAV, 255 channels", _wav(48_000, 255, 16, 510_000), "InvalidMediaSound", quick=True),
    case("wav-65-channels", "WAV, 65 channels", _wav(48_000, 65, 16, 130_000), "InvalidMediaSound"),
    case("wav-64-channels", "WAV, 64 channels of silence", _wav(48_000, 64, 16, 12_288_000), HEARD),
    case("wav-65535-channels", "WAV, 65 535 channels", _wav(48_000, 65_535, 16, 1_310_700), UNREADABLE),
    case("wav-0-channels", "WAV, no channel", _wav(48_000, 0, 16, 40_000, align=2), UNREADABLE),
    case("wav-0-bits", "WAV, samples of no bits", _wav(48_000, 1, 0, 40_000, align=1), UNREADABLE),
    case("wav-65535-bits", "WAV, samples of 65 535 bits", _wav(48_000, 1, 65_535, 40_000), UNREADABLE),
    case("wav-align-0", "WAV, blocks of no bytes", _wav(48_000, 1, 16, 40_000, align=0), HEARD),
    case(
        "wav-unknown",
        "WAV, a format that does not exist",
        _wav(48_000, 1, 16, 40_000, form=0x7777),
        UNREADABLE,
    ),
    case(
        "wav-mp3",
        "WAV, plain samples that are announced as MP3",
        _wav(48_000, 1, 16, 40_000, form=0x55),
        UNREADABLE,
    ),
    case(
        "wav-chunks",
        "WAV, 100 000 chunks before the samples",
        written(
            "sound.wav",
            lambda: _wave(48_000, 1, 16, 40_000)[:12] + b"junk\0\0\0\0" * 100_000 + _wave(48_000, 1, 16, 40_000)[12:],
        ),
        HEARD,
    ),
    case(
        "wav-cut",
        "WAV, 4 GB announced and nothing there",
        written("sound.wav", lambda: _wave(48_000, 2, 16, 0)[:-4] + b"\xfe\xff\xff\xef"),
        "InvalidMediaTruncated",
    ),
    case(
        "wav-xml",
        "WAV, 2 MB of text in a chunk",
        written(
            "sound.wav",
            lambda: (
                _wave(8_000)[:36] + b"bext" + struct.pack("<I", 2_000_000) + b"\xff" * 2_000_000 + _wave(8_000)[36:]
            ),
        ),
        HEARD,
    ),
    case(
        "aiff-rate",
        "AIFF, the largest sample rate",
        written("sound.aiff", lambda: _aiff(EXTENDED_MAX)),
        UNREADABLE,
    ),
    case(
        "aiff-negative",
        "AIFF, a negative sample rate",
        written("sound.aiff", lambda: _aiff(b"\xc0" + RATE_48000[1:])),
        UNREADABLE,
    ),
    case(
        "aiff-frames",
        "AIFF, 4 294 967 295 samples",
        written("sound.aiff", lambda: _aiff(RATE_48000, frames=0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "aiff-channels",
        "AIFF, 65 535 channels",
        written("sound.aiff", lambda: _aiff(RATE_48000, 65_535)),
        NO_STREAMS,
    ),
    case(
        "aiff-bits",
        "AIFF, samples of 65 535 bits",
        written("sound.aiff", lambda: _aiff(RATE_48000, bits=65_535)),
        UNREADABLE,
    ),
    case(
        "caf-nan",
        "CAF, NaN samples a second",
        written("sound.caf", lambda: _caf(float("nan"))),
        UNREADABLE,
    ),
    case("caf-huge", "CAF, 10^300 samples a second", written("sound.caf", lambda: _caf(1e300)), "InvalidMediaSound"),
    case(
        "caf-small",
        "CAF, 10^-300 samples a second",
        written("sound.caf", lambda: _caf(1e-300)),
        UNREADABLE,
    ),
    case(
        "caf-packets",
        "CAF, packets of 4 GB",
        written("sound.caf", lambda: _caf(48_000, 0xFFFFFFFF, 0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "caf-far",
        "CAF, chunks of 2^62 bytes that add up to more than a file system can seek",
        written("sound.caf", lambda: b"caff\0\1\0\0" + (b"free" + struct.pack(">q", 2**62 - 1) + bytes(24)) * 4),
        REFUSED,
        quick=True,
    ),
    case(
        "caf-channels",
        "CAF, 4 294 967 295 channels",
        written("sound.caf", lambda: _caf(48_000, 2, 1, 0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "au-rate",
        "AU, 4 294 967 295 samples a second",
        written("sound.au", lambda: _au(0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "au-channels",
        "AU, 4 294 967 295 channels",
        written("sound.au", lambda: _au(8_000, 0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "au-start",
        "AU, samples that begin after 4 GB",
        written("sound.au", lambda: _au(8_000, 1, 0xFFFFFFF0)),
        HEARD,
    ),
    case(
        "w64-negative",
        "W64, chunks of negative size",
        _sound("w64", after(b"fmt \xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a", 0, b"\xff" * 8), PCM),
        UNREADABLE,
    ),
    case(
        "rf64-huge",
        "RF64, 2^63 bytes of samples",
        spoiled("wav", after(b"ds64", 12, b"\xff" * 7 + b"\x7f"), None, (*PCM, "-rf64", "always")),
        HEARD,
    ),
    case(
        "flac-day",
        "FLAC, 19 hours of silence of 8 channels in 2 MB",
        written("sound.flac", lambda: _flac(48_000, 8, 65_535, 50_000)),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "flac-rate-0",
        "FLAC, no samples a second",
        _sound("flac", lambda d: at(18, bytes(2) + bytes([d[20] & 0x0F]))(d), FLAC),
        HEARD,
    ),
    case(
        "flac-length",
        "FLAC, 68 719 476 735 samples",
        _sound("flac", lambda d: at(21, bytes([d[21] | 0x0F]) + b"\xff" * 4)(d), FLAC),
        HEARD,
    ),
    case(
        "flac-metadata",
        "FLAC, a picture of 16 MB that is not there",
        _sound("flac", lambda d: d[:42] + b"\x06\xff\xff\xff" + d[42:], FLAC),
        UNREADABLE,
    ),
    case(
        "mp3-tag",
        "MP3, a tag of 256 MB that is not there",
        _sound("mp3", lambda d: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + d, MP3),
        UNREADABLE,
    ),
    case(
        "mp3-frames",
        "MP3, 4 294 967 295 frames in the header",
        _sound("mp3", lambda d: d if b"Info" not in d else after(b"Info", 4, b"\xff" * 4)(d), MP3),
        HEARD,
    ),
    case(
        "mp3-tags",
        "MP3, 100 000 tags",
        _sound("mp3", lambda d: b"ID3\x04\0\0\0\0\0\0" * 100_000 + d, MP3),
        HEARD,
    ),
    case(
        "mp3-art",
        "MP3, a cover of 65535x65535 pixels",
        _sound(
            "mp3",
            lambda d: (
                b"ID3\x03\0\0\0\0\x01\x10APIC\0\0\0\x86\0\0\0image/png\0\3\0\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
                b"\0\0\xff\xff\0\0\xff\xff\x10\6\0\0\0" + bytes(120) + d
            ),
            MP3,
        ),
        HEARD,
    ),
    case(
        "aac-headers",
        "AAC, 10 000 headers that each point at the next byte but six",
        written("sound.aac", b"\xff\xf1\x50\x80\0\xe0" * 20_000),
        UNREADABLE,
        quick=True,
    ),
    case(
        "aac-rates",
        "AAC, another sample rate in every frame",
        _sound(
            "aac",
            lambda d: (
                d
                + b"".join(
                    bytes([0xFF, 0xF1, 0x40 | n % 12 << 2, 0x80, 2, 0x1F, 0xFC]) + bytes(9) for n in range(30_000)
                )
            ),
            (*AAC, "-f", "adts"),
        ),
        "InvalidMediaDamaged",
    ),
    case(
        "amr-day",
        "AMR, 25 h of nothing: 4 500 000 frames of one byte",
        written("sound.amr", lambda: b"#!AMR\n" + b"\x7c" * 4_500_000),
        (*REFUSED, "LambdaBudgetExceeded"),
    ),
    case(
        "opus-gain",
        "Opus, the largest gain",
        _sound("ogg", lambda d: ogg_checked(after(b"OpusHead", 8, b"\xff\x7f")(d)), OPUS),
        HEARD,
    ),
    case(
        "opus-skip",
        "Opus, 65 535 samples to skip",
        _sound("ogg", lambda d: ogg_checked(after(b"OpusHead", 2, b"\xff\xff")(d)), OPUS),
        NO_STREAMS,
    ),
    case(
        "wv",
        "WavPack, blocks of 4 GB",
        written("sound.wv", b"wvpk\xff\xff\xff\xff\x10\x04" + b"\xff" * 400),
        UNREADABLE,
    ),
    case(
        "tta",
        "TTA, 4 294 967 295 samples",
        written("sound.tta", b"TTA1\1\0\2\0\x10\0\x80\xbb\0\0\xff\xff\xff\xff" + bytes(400)),
        UNREADABLE,
    ),
    case(
        "ape",
        "Monkey's Audio, 4 294 967 295 frames",
        written(
            "sound.ape",
            b"MAC \xb4\x0f\0\0"
            + struct.pack("<IIIIII", 52, 24, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0)
            + bytes(32)
            + b"\xff" * 400,
        ),
        UNREADABLE,
    ),
    case(
        "dts",
        "DTS, 10 000 sync words",
        written("sound.dts", b"\x7f\xfe\x80\x01\xfc" * 10_000),
        UNREADABLE,
    ),
    case(
        "ac3",
        "AC-3, 10 000 sync words",
        written("sound.ac3", b"\x0b\x77\0\0\x1e\x40" * 10_000),
        UNREADABLE,
    ),
)

KIND = Kind(
    "Hostile sound",
    "A named error or what is there, within 60 s and 2 GB.",
    CASES,
)
