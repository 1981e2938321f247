"""The limits of what is accepted, because the file may be hostile or damaged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from avflow.cores import codec_threads
from avflow.errors import InvalidMediaOutOfProportion, InvalidMediaTooLarge, InvalidMediaTooLong
from avflow.media.formats import MAX_SIDE
from avflow.media.model import VideoStream
from avflow.media.rates import conversion_rate, has_too_many_copies

#: The longest accepted video in seconds: a recording of one day, which has 25 h when the clocks go back. A Batch job
#: ends after 12 hours. One damaged timestamp may announce years, and the workflow would then duplicate frames and
#: transcribe silence for all that time.
MAX_SECONDS = 25 * 3600
#: The highest accepted frame rate. Matroska and FLV can't store a higher one, and slow-motion cameras stay below it.
MAX_RATE = 1_000


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse frames that the result can't hold."""
    if max(width, height) > MAX_SIDE:
        raise InvalidMediaTooLarge(f"{path.name} is {width}x{height}: at most {MAX_SIDE} pixels a side are accepted")


def check_duplicates(path: Path, video: VideoStream, seconds: Fraction) -> None:
    """Refuse a variable-rate video if its conversion would consist of hours of duplicated frames."""
    rate = conversion_rate(video)
    if not video.constant_rate and has_too_many_copies(video, rate, seconds):
        raise InvalidMediaTooLong(
            f"{path.name} has {video.frames} frames in {in_hours(seconds)}: "
            f"at a constant rate it would have {round(seconds * rate)}"
        )


def in_hours(seconds: Fraction) -> str:
    """A length in hours and minutes."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min"


# ---------------------------------------------------------------- memory of a decoder
#: Bytes of one decoded frame: 7680x4320 pixels of 4:2:2 with 10 bits, or of RGB with 8 bits. FFmpeg queues eight of
#: them between a decoder and a filter.
MAX_FRAME_BYTES = 160 * 2**20
#: Bytes of all frames that a decoder holds: those that others refer to, and one for each of its threads. The highest
#: levels of H.264, H.265, VP9 and AV1 stay below it with 7680x4320 pixels of 10 bits.
MAX_DECODER_BYTES = 2**30


def frame_bytes(width: int, height: int, bits_per_pixel: int) -> int:
    """Bytes of a decoded frame, whose pixels have so many bits, padding included."""
    return width * height * bits_per_pixel // 8


def check_memory(path: Path, width: int, height: int, bits_per_pixel: int, references: int = 0) -> None:
    """Refuse a video whose decoder would take too much memory, even with a single thread.

    Parameters
    ----------
    references:
        Pictures that the decoder keeps (`avflow.media.shapes.references`).

    Raises
    ------
    InvalidMediaTooLarge
    """
    size = frame_bytes(width, height, bits_per_pixel)
    told = f"{path.name} has frames of {width}x{height} pixels with {bits_per_pixel} bits each"
    if size > MAX_FRAME_BYTES:
        raise InvalidMediaTooLarge(f"{told}: at most {MAX_FRAME_BYTES >> 20} MiB a frame are accepted")
    if size * (references + 1) > MAX_DECODER_BYTES:
        raise InvalidMediaTooLarge(
            f"{told}, and its decoder keeps {references} of them: at most {MAX_DECODER_BYTES >> 20} MiB are accepted"
        )


def threads_within(size: int, references: int = 0) -> int:
    """Threads of a decoder whose frames have `size` bytes: each holds one frame; at least 1."""
    room = MAX_DECODER_BYTES - references * size
    return max(1, min(codec_threads(), room // max(1, size)))


def decoder_threads(video: VideoStream) -> int:
    """Threads of the decoder of a video stream, so that it stays below `MAX_DECODER_BYTES`."""
    return threads_within(video.frame_bytes, video.references)


# ---------------------------------------------------------------- proportion
#: Bytes that a frame has at least, and pixels and samples that a byte gives at most. What is black, silent or still
#: comes near: AV1 stores an unchanged frame of 3840x2160 in 12 bytes, FLAC a second of silence in 160.
_MIN_FRAME_BYTES, _MAX_PIXELS_OF_BYTE, _MAX_SAMPLES_OF_BYTE = 1, 4_000_000, 4_096
#: bytes that a second has at least; a WAV with one sample a second has one
_MIN_SECOND_BYTES = 2
#: The same limits don't apply below so many frames, pixels, samples and seconds, which cost little.
_FEW_FRAMES, _FEW_PIXELS, _FEW_SAMPLES, _FEW_SECONDS = 100_000, 5 * 10**11, 2 * 10**9, 6 * 3600
#: the most frames: a day at 60 frames a second
MAX_FRAMES = MAX_SECONDS * 60


def check_proportion(
    path: Path, size: int, *, frames: int = 0, pixels: int = 0, samples: int = 0, sound: Fraction = Fraction(0)
) -> None:
    """Refuse a file that gives more than its bytes can hold, or more frames than any recording.

    Parameters
    ----------
    size:
        Bytes of the file.
    frames, pixels, samples:
        Those of the chosen streams; the pixels of all frames, and the samples of all channels.
    sound:
        Seconds from the first to the last sound. A few pictures may be shown for hours: see `check_duplicates`.

    Raises
    ------
    InvalidMediaOutOfProportion, InvalidMediaTooLong
    """
    for number, few, least, what in (
        (frames, _FEW_FRAMES, frames * _MIN_FRAME_BYTES, "frames"),
        (pixels, _FEW_PIXELS, pixels // _MAX_PIXELS_OF_BYTE, "pixels"),
        (samples, _FEW_SAMPLES, samples // _MAX_SAMPLES_OF_BYTE, "samples of sound"),
        (round(sound), _FEW_SECONDS, round(sound * _MIN_SECOND_BYTES), "seconds of sound"),
    ):
        if number > few and size < least:
            raise InvalidMediaOutOfProportion(
                f"{path.name} has {size} bytes but gives {number} {what}: no recording of that size does"
            )
    if frames > MAX_FRAMES:
        raise InvalidMediaTooLong(f"{path.name} has {frames} frames: at most {MAX_FRAMES} are accepted")


# ---------------------------------------------------------------- sound
#: Samples per second: speech has no words below 500 Hz, and no converter exceeds 768 kHz. Channels: the most of a
#: digital multitrack line (AES10, MADI).
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE, MAX_CHANNELS = 1_000, 768_000, 64


def sound_fault(rate: int, channels: int) -> str | None:
    """Why sound with so many samples per second and channels is refused; None if it is accepted."""
    if rate and not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        return f"it has {rate} samples per second, and {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} are accepted"
    if channels > MAX_CHANNELS:
        return f"it has {channels} channels, and at most {MAX_CHANNELS} are accepted"
    return None
