"""What the files that we write can hold: the AVI (MPEG-4 Part 2 and MP3), and the WAV for speech recognition.

Estimates of sizes and of the cost derive from these rates. They have no margin: an AVI's headers and index add less
than a hundredth.
"""

from __future__ import annotations

from fractions import Fraction

# ---------------------------------------------------------------- AVI
#: bits per second
VIDEO_BITRATE = 4_000_000
AUDIO_BITRATE = 320_000
VIDEO_BYTES_PER_SECOND = VIDEO_BITRATE // 8
AUDIO_BYTES_PER_SECOND = AUDIO_BITRATE // 8
#: pixels: the longest side. MPEG-4 Part 2 has 13 bits for it (ISO/IEC 14496-2, video_object_layer_width), and an odd
#: side becomes even
MAX_SIDE = 8_190
#: MPEG-4 Part 2 counts time in ticks of at most 16 bits (ISO/IEC 14496-2, vop_time_increment_resolution)
_MOST_TICKS = 65_535
#: samples per second that carry 320 kbit/s (MPEG-1 Layer III, ISO/IEC 11172-3)
_MP3_RATES = (32_000, 44_100, 48_000)
#: samples between what goes into LAME and what comes out of a decoder: 576 + 529 (LAME Technical FAQ)
MP3_DELAY = 1_105

# ---------------------------------------------------------------- WAV
#: samples per second that speech recognisers are trained on; 16 bits, mono
SPEECH_RATE = 16_000
WAV_BYTES_PER_SECOND = 2 * SPEECH_RATE


def encodable_rate(rate: Fraction) -> Fraction:
    """The closest frame rate that MPEG-4 Part 2 can express.

    >>> encodable_rate(Fraction(30000, 1001))
    Fraction(30000, 1001)
    """
    return 1 / (1 / rate).limit_denominator(_MOST_TICKS)


def mp3_rate(rate: int) -> int:
    """Samples per second of the MP3 for audio of this rate: the same where it can be.

    >>> mp3_rate(22_050), mp3_rate(48_000), mp3_rate(96_000)
    (44100, 48000, 48000)
    """
    if rate in _MP3_RATES:
        return rate
    return 44_100 if rate % 11_025 == 0 else 48_000
