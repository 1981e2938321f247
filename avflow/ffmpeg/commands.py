"""What FFmpeg is asked to do: sound for the recogniser, a video the detector can read, and the finished AVI.

Every command keeps the container's own clock and subtracts the time of the first
picture, so that picture and sound that start apart stay apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.cores import codec_threads
from avflow.errors import FrameCountMismatch, InvalidMediaDamaged, InvalidMediaNoStreams
from avflow.ffmpeg.arguments import HOWEVER_DAMAGED, arguments, at_constant_rate, source_input
from avflow.ffmpeg.audio import clock_options, run_with_samples, samples, track_from_first_picture
from avflow.ffmpeg.joining import Boxed, joined
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
from avflow.media.model import Media, VideoStream
from avflow.media.reasons import MAX_FRAMES_PER_SECOND
from avflow.progress import Report, ignore


def extract_wav(source: Path, media: Media, target: Path, *, report: Report = ignore) -> None:
    """Write the chosen audio track to `target` as WAV, 16 bits, 16 kHz, mono.

    Second 0 of it is the time of the first picture, so that subtitles made from it
    match the boxed video; without a picture it is the first sound.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted, InvalidMediaNoStreams
    """
    if media.audio is None:
        raise InvalidMediaNoStreams(f"{source.name} has no sound to extract")
    feed = samples(source, media, media.audio, rate=SPEECH_RATE, channels=1)
    track = track_from_first_picture(media, media.audio, rate=SPEECH_RATE)
    with written_whole(target) as partial:
        output = track.output(file_url(partial), format="wav", acodec="pcm_s16le")
        _run(output, feed, source, media, step="extract sound", report=report)


def convert(source: Path, media: Media, target: Path, *, report: Report = ignore) -> None:
    """Write `target`, an AVI that can be read frame by frame: constant rate, upright, progressive, square, 8 bits, SDR.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted, InvalidMediaNoStreams
    InvalidMediaDamaged
        Its end can't be decoded. `target` is not written then.
    """
    if media.video is None:
        raise InvalidMediaNoStreams(f"{source.name} has no picture to convert")
    # filters that are built anew would begin counting frames anew: the scaler adapts to a change of size instead
    pictures = source_input(source, reinit_filter=0)[str(media.video.index)]
    feed, tracks = _mp3_track(source, media)
    streams = [_plain_pictures(pictures, media.video), *tracks]
    with written_whole(target) as partial:
        options = {"b:v": VIDEO_BITRATE, "threads": codec_threads()}
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="mpeg4"), **options)
        made = _run(output, feed, source, media, *HOWEVER_DAMAGED, step="convert", report=report)
        _check_end(source, media, media.video, made)


def mux(
    boxed: Sequence[Boxed],
    rate: Fraction,
    source: Path,
    media: Media,
    target: Path,
    *,
    report: Report = ignore,
) -> None:
    """Write `target`: the pictures of `boxed` as they are, with the sound of `source` at the same distance as before.

    Parameters
    ----------
    boxed:
        Segments of the video, in order, without sound, in one folder, where a list of them is written.
    rate:
        Their frames per second.
    source, media:
        The upload, which is not opened where it has no sound, and what `avflow.media.probe` says of it.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    FrameCountMismatch
        The segments hold other frames than they should. `target` is not written then.
    """
    feed, tracks = _mp3_track(source, media)
    streams = [joined(boxed, encodable_rate(rate))["v:0"], *tracks]
    with written_whole(target) as partial:
        output = ffmpeg.output(*streams, file_url(partial), **_avi(vcodec="copy"))
        made = _run(output, feed, source, media, step="merge", report=report)
        expected = sum(segment.frames for segment in boxed)
        if made != expected:
            raise FrameCountMismatch(f"the segments of {source.name} should give {expected} frames, and gave {made}")


def conversion_rate(stream: VideoStream) -> Fraction:
    """Frames per second of the converted video: the rate most frames have, at most 60."""
    return encodable_rate(min(stream.nominal_rate, Fraction(MAX_FRAMES_PER_SECOND)))


def _check_end(source: Path, media: Media, stream: VideoStream, made: int) -> None:
    """Refuse a conversion that is much shorter than the source, as far as its timestamps tell how long it is."""
    if media.container in RAW_STREAMS or not media.continuous:
        return
    rate = conversion_rate(stream)
    expected = round((stream.frames - 1) / stream.average_rate * rate) + 1
    if expected - made > tolerated_gap(expected, rate):
        raise InvalidMediaDamaged(
            f"{source.name} should give {expected} frames at {fraction_text(rate)} a second, and only {made} "
            f"can be made: the rest can't be decoded"
        )


def _run(
    output: Any,
    feed: list[str] | None,
    source: Path,
    media: Media,
    *options: str,
    step: str,
    report: Report,
) -> int:
    command = arguments(output, *clock_options(media), *options, "-progress", "pipe:1", "-stats_period", "0.25")
    if feed is None:
        return run(command, source.name, step=step, seconds=media.duration, report=report)
    return run_with_samples(feed, command, source.name, step=step, seconds=media.duration, report=report)


def _mp3_track(source: Path, media: Media) -> tuple[list[str] | None, list[Any]]:
    """The command that decodes the sound, if there is any, and the track as it goes into LAME.

    AVI can't say that the first samples of an MP3 are padding, so the sound is begun
    that much earlier for it to be heard on time.
    """
    if media.audio is None:
        return None, []
    rate = mp3_rate(media.audio.rate)
    feed = samples(source, media, media.audio, rate=rate, channels=min(2, media.audio.channels))
    return feed, [track_from_first_picture(media, media.audio, rate=rate, sooner=Fraction(MP3_DELAY, rate))]


def _avi(vcodec: str) -> dict[str, Any]:
    return {
        "format": "avi",
        "vcodec": vcodec,
        "acodec": "libmp3lame",
        "audio_bitrate": AUDIO_BITRATE,
        # LAME's padding lies before 0; shifting everything to make room would move the pictures
        "avoid_negative_ts": "disabled",
        "fps_mode": "passthrough",
    }


def _plain_pictures(pictures: Any, stream: VideoStream) -> Any:
    """The filters that make pictures readable; FFmpeg turns rotated ones upright before them."""
    upright = stream.rotation not in (90, 270)
    width, height = (stream.width, stream.height) if upright else (stream.height, stream.width)
    pictures = pictures.filter("scale", width, height)
    if stream.interlaced:
        pictures = pictures.filter("bwdif", mode="send_frame", deint="all")
    pictures = at_constant_rate(pictures, stream, conversion_rate(stream))
    if stream.hdr:
        pictures = _tone_mapped(pictures, stream)
    if stream.sample_aspect_ratio != 1:
        pictures = pictures.filter("scale", stream.display_width, stream.display_height).filter("setsar", 1)
    return pictures.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2").filter("format", "yuv420p")


def _tone_mapped(pictures: Any, stream: VideoStream) -> Any:
    """Pictures of PQ or HLG light, in BT.709, by way of linear light (Report ITU-R BT.2390)."""
    light = pictures.filter(
        "setparams", color_primaries="bt2020", color_trc=stream.color_transfer, colorspace="bt2020nc"
    )
    light = light.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le").filter("zscale", p="bt709")
    light = light.filter("tonemap", tonemap="hable", desat=0)
    return light.filter("zscale", t="bt709", m="bt709", r="tv")
