"""The workflow's FFmpeg commands, except that of the MP4 (`avflow.ffmpeg.mp4`).

`extract_wav` writes the audio for speech recognition, `convert` writes a video that the detector can read, and `mux`
writes the final AVI. Every command keeps the container's timestamps and subtracts `Media.zero`, so that the offset
between video and audio is preserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.cores import codec_threads
from avflow.errors import FrameCountMismatch, InvalidMediaDamaged, InvalidMediaNoStreams
from avflow.ffmpeg.arguments import ANY_ERROR_RATE, arguments, source_input
from avflow.ffmpeg.audio import KEEP_CLOCK, aligned, decoder_command, run_with_decoder
from avflow.ffmpeg.filters import INPUT_OPTIONS, conversion_chain
from avflow.ffmpeg.joining import Boxed, concat_input
from avflow.ffmpeg.process import run, written_whole
from avflow.media.containers import RAW_STREAMS, file_url
from avflow.media.contract import fraction_text
from avflow.media.damage import tolerated_gap
from avflow.media.formats import (
    AUDIO_BITRATE,
    MP3_DELAY,
    SPEECH_RATE,
    VIDEO_BITRATE,
    encodable_rate,
    mp3_rate,
)
from avflow.media.limits import decoder_threads
from avflow.media.model import Media, VideoStream
from avflow.media.notices import Notice
from avflow.media.rates import conversion_rate
from avflow.progress import Report, ignore


def extract_wav(source: Path, media: Media, target: Path, *, report: Report = ignore) -> None:
    """Write the chosen audio streams to `target` as WAV: 16 bits, 16 kHz, mono. Quiet speech is amplified.

    Second 0 is `media.zero`, so that subtitles made from the WAV match the annotated video.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted, InvalidMediaNoStreams
    """
    if media.audio is None:
        raise InvalidMediaNoStreams(f"{source.name} has no audio stream to extract")
    decoder = decoder_command(source, media.audio, rate=SPEECH_RATE, speech=True)
    track = aligned(media, rate=SPEECH_RATE, speech=True)
    with written_whole(target) as partial:
        output = track.output(file_url(partial), format="wav", acodec="pcm_s16le")
        run_output(output, decoder, source, media, step="extract sound", report=report)


def convert(source: Path, media: Media, target: Path, *, report: Report = ignore) -> tuple[Notice, ...]:
    """Write `target`, an AVI that the detector can read frame by frame.

    The frames are upright, progressive, constant in rate, SDR, 8 bits deep, and have square pixels: see
    `avflow.ffmpeg.filters`.

    Returns
    -------
    What the user should know: the end of the picture is missing.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted, InvalidMediaNoStreams
    InvalidMediaDamaged
        The end of the video can't be decoded, and there is no sound. `target` is not written.
    """
    if media.video is None:
        raise InvalidMediaNoStreams(f"{source.name} has no video stream to convert")
    threads = decoder_threads(media.video)
    frames = source_input(source, late=media.video.late, threads=threads, **INPUT_OPTIONS)[str(media.video.index)]
    decoder, tracks = _mp3_track(source, media)
    streams = [conversion_chain(frames, media.video), *tracks]
    with written_whole(target) as partial:
        options = {"b:v": VIDEO_BITRATE, "threads": codec_threads()}
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="mpeg4"), **options)
        written = run_output(output, decoder, source, media, *ANY_ERROR_RATE, step="convert", report=report)
        return _check_end(source, media, media.video, written)


def mux(
    boxed: Sequence[Boxed],
    rate: Fraction,
    source: Path,
    media: Media,
    target: Path,
    *,
    report: Report = ignore,
) -> None:
    """Write `target`: the video of `boxed`, copied without encoding, and the audio of `source`.

    The offset between video and audio stays that of `source`.

    Parameters
    ----------
    boxed:
        The annotated segments of the video, in order, without audio, all in one folder. This function writes a list of
        them to that folder.
    rate:
        Frames per second of the segments.
    source, media:
        The uploaded file, which is opened only if it has an audio stream, and its description by `avflow.media.probe`.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    FrameCountMismatch
        The segments don't contain the expected number of frames. `target` is not written.
    """
    decoder, tracks = _mp3_track(source, media)
    streams = [concat_input(boxed, encodable_rate(rate))["v:0"], *tracks]
    with written_whole(target) as partial:
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="copy"))
        written = run_output(output, decoder, source, media, step="merge", report=report)
        require_all(boxed, written, source.name)


def require_all(boxed: Sequence[Boxed], written: int, name: str) -> None:
    """Raise FrameCountMismatch unless so many frames were written as the segments of the video `name` have."""
    expected = sum(segment.frames for segment in boxed)
    if written != expected:
        raise FrameCountMismatch(f"the segments of {name} should have {expected} frames in total, but have {written}")


def _check_end(source: Path, media: Media, stream: VideoStream, written: int) -> tuple[Notice, ...]:
    """Refuse a conversion that wrote far fewer frames than the source's timestamps announce; with sound, tell it.

    Raw streams, which have no timestamps, are not checked.
    """
    if media.container in RAW_STREAMS:
        return ()
    rate = conversion_rate(stream)
    expected = round((stream.frames - 1) / stream.average_rate * rate) + 1 + stream.held_first + stream.held_last
    if expected - written <= tolerated_gap(expected, rate):
        return ()
    error = InvalidMediaDamaged(
        f"{source.name} should give {expected} frames at {fraction_text(rate)} frames per second, but gives only "
        f"{written} frames: the rest can't be decoded"
    )
    if not stream.any_gap:
        raise error
    return (Notice("VideoDamaged", f"{error.message} The annotated video is that much shorter than its sound."),)


def run_output(
    output: Any,
    decoder: list[str] | None,
    source: Path,
    media: Media,
    *options: str,
    step: str,
    report: Report,
) -> int:
    """Run the command of `output`, with the output of the command `decoder` as its standard input if there is one.

    Returns
    -------
    The number of frames that it wrote.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    """
    command = arguments(output, *KEEP_CLOCK, *options, "-progress", "pipe:1", "-stats_period", "0.25")
    if decoder is None:
        return run(command, source.name, step=step, seconds=media.duration, report=report)
    return run_with_decoder(decoder, command, source.name, step=step, seconds=media.duration, report=report)


def _mp3_track(source: Path, media: Media) -> tuple[list[str] | None, list[Any]]:
    """The command that decodes the audio stream, and the samples that LAME encodes; None and [] without audio.

    AVI can't mark the first samples of an MP3 as padding. Therefore the audio starts earlier by the encoder's delay, so
    that it is heard on time.
    """
    if media.audio is None:
        return None, []
    rate = mp3_rate(media.audio.rate)
    decoder = decoder_command(source, media.audio, rate=rate)
    return decoder, [aligned(media, rate=rate, lead_in=Fraction(MP3_DELAY, rate))]


def _avi(vcodec: str) -> dict[str, Any]:
    """The output options of an AVI with MP3 audio."""
    return {
        "format": "avi",
        "vcodec": vcodec,
        "acodec": "libmp3lame",
        "audio_bitrate": AUDIO_BITRATE,
        # LAME's padding has negative timestamps; shifting all timestamps to 0 would move the video
        "avoid_negative_ts": "disabled",
        "fps_mode": "passthrough",
    }
