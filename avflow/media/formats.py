"""Formats of the files that av-workflow writes: AVI (MPEG-4 Part 2 and MP3), MP4 (H.264 and AAC), and WAV for speech.

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

# ---------------------------------------------------------------- MP4
#: Constant rate factor of H.264: x264's own default, at which most people see no loss. Bits follow the picture.
H264_CRF = 23
#: bits per second that H.264 takes at most, over two seconds, so that noise doesn't fill the disk
H264_MOST_BITRATE = 16_000_000
#: bytes per second: those at most, and those that estimates expect. The sample takes 0.085 MB/s with 768x576 pixels,
#: and films with 1920x1080 pixels take two to four times as much.
H264_MOST_BYTES_PER_SECOND = H264_MOST_BITRATE // 8
H264_BYTES_PER_SECOND = 250_000
#: seconds from one key frame to the next at most: a player that jumps decodes from the key frame before
H264_KEY_SECONDS = 4
AAC_BITRATE = 192_000
AAC_BYTES_PER_SECOND = AAC_BITRATE // 8

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
