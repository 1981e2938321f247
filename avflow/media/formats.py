"""Formats of the files that av-workflow writes: AVI (MPEG-4 Part 2 and MP3), and WAV for speech recognition.

Estimates of file sizes and costs use these bit rates. They include no margin: the headers and the index of an AVI add
less than 1 %.
"""

from __future__ import annotations

from fractions import Fraction

# ---------------------------------------------------------------- AVI
#: bits per second
VIDEO_BITRATE = 4_000_000
AUDIO_BITRATE = 320_000
VIDEO_BYTES_PER_SECOND = VIDEO_BITRATE // 8
AUDIO_BYTES_PER_SECOND = AUDIO_BITRATE // 8
#: The largest width or height in pixels. MPEG-4 Part 2 stores it in 13 bits (ISO/IEC 14496-2,
#: video_object_layer_width), and the writer pads odd sizes to even ones.
MAX_SIDE = 8_190
#: MPEG-4 Part 2 stores the ticks per second in 16 bits (ISO/IEC 14496-2, vop_time_increment_resolution)
_MAX_TICKS = 65_535
#: sample rates in Hz that allow 320 kbit/s (MPEG-1 Layer III, ISO/IEC 11172-3)
_MP3_RATES = (32_000, 44_100, 48_000)
#: delay in samples from the input of LAME to the output of a decoder: 576 + 529 (LAME Technical FAQ)
MP3_DELAY = 1_105

# ---------------------------------------------------------------- WAV
#: the sample rate in Hz that speech recognisers are trained on; the WAV has 16 bits and one channel
SPEECH_RATE = 16_000
WAV_BYTES_PER_SECOND = 2 * SPEECH_RATE


def encodable_rate(rate: Fraction) -> Fraction:
    """The closest frame rate that MPEG-4 Part 2 can store.

    >>> encodable_rate(Fraction(30000, 1001))
    Fraction(30000, 1001)
    """
    return 1 / (1 / rate).limit_denominator(_MAX_TICKS)


def mp3_rate(rate: int) -> int:
    """The sample rate in Hz of the MP3 for audio with sample rate `rate`: the same rate if MP3 supports it.

    >>> mp3_rate(22_050), mp3_rate(48_000), mp3_rate(96_000)
    (44100, 48000, 48000)
    """
    if rate in _MP3_RATES:
        return rate
    return 44_100 if rate % 11_025 == 0 else 48_000
