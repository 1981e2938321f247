"""Finds out what an uploaded file is. The upload is hostile until proven otherwise."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Disposition

from avflow.cores import codec_threads
from avflow.errors import (
    InvalidMediaDamaged,
    InvalidMediaEmpty,
    InvalidMediaNoStreams,
    InvalidMediaPlaylist,
    InvalidMediaTooLarge,
    InvalidMediaTooLong,
    InvalidMediaTruncated,
    InvalidMediaUnreadable,
)
from avflow.media.containers import (
    CUT_ANYWHERE,
    FORMAT_WHITELIST,
    PROTOCOL_WHITELIST,
    file_url,
    is_playlist,
    missing_bytes,
)
from avflow.media.damage import replaceable
from avflow.media.formats import MAX_SIDE
from avflow.media.model import MAX_AREA, AudioStream, Media, VideoStream
from avflow.media.reasons import MOST_FRAMES_PER_SECOND
from avflow.media.scan import AudioScan, VideoScan, scan_packets
from avflow.media.timing import announced_rate

#: seconds: a day's recording, also where clocks go back. A job on Batch ends after 12 hours, and a single
#: damaged timestamp may announce years, for which frames would be made and silence transcribed
MAX_SECONDS = 25 * 3600
#: frames that a conversion to a constant rate makes of however few pictures: an hour's
_FRAMES_FREELY_MADE = 3600 * MOST_FRAMES_PER_SECOND
#: beyond them, frames that it makes of each picture on average: a screen recording shows some for a minute
_FRAMES_MADE_OF_ONE = 60 * MOST_FRAMES_PER_SECOND

#: AVFieldOrder: 0 is unknown, 1 progressive, the rest interlaced
_PROGRESSIVE = (0, 1)
#: AVColorTransferCharacteristic
_TRANSFERS = {1: "bt709", 6: "smpte170m", 8: "linear", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12"} | {
    16: "smpte2084",
    18: "arib-std-b67",
}
_HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
#: AVColorSpace, where FFmpeg's scaler knows it
_SPACES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}


def probe(path: Path) -> Media:
    """Read `path` once from end to end and describe it.

    Nothing but `path` itself is opened, whatever it contains; one picture is decoded.
    Memory does not grow with the length of the file.

    Raises
    ------
    InvalidMediaEmpty, InvalidMediaPlaylist, InvalidMediaTruncated, InvalidMediaUnreadable,
    InvalidMediaNoStreams, InvalidMediaTooLarge, InvalidMediaTooLong, InvalidMediaDamaged
    """
    size = path.stat().st_size
    if size == 0:
        raise InvalidMediaEmpty(f"{path.name} has 0 bytes")
    if is_playlist(path):
        raise InvalidMediaPlaylist(f"{path.name} is a playlist or script, not media")
    missing = missing_bytes(path)
    if missing:
        raise InvalidMediaTruncated(
            f"{path.name} has {size} bytes and announces at least {missing} more: its end is missing"
        )
    try:
        with open_container(path) as container:
            return _describe(path, size, container)
    except av.error.FFmpegError as error:
        raise InvalidMediaUnreadable(
            f"{path.name} is no video or sound of a kind that is read: {error.strerror}"
        ) from error


def open_container(path: Path, hwaccel: HWAccel | None = None) -> InputContainer:
    """Open an upload and nothing else, whatever it contains.

    Raises
    ------
    av.error.FFmpegError
    """
    options = {
        "protocol_whitelist": PROTOCOL_WHITELIST,
        "format_whitelist": FORMAT_WHITELIST,
        # for the decoders that look into the first packets while the streams are identified
        "max_pixels": str(MAX_AREA),
    }
    container: InputContainer = av.open(
        file_url(path), mode="r", options=options, metadata_errors="replace", hwaccel=hwaccel
    )
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = {"max_pixels": str(MAX_AREA)}
            stream.codec_context.thread_count = codec_threads()
    return container


def _describe(path: Path, size: int, container: InputContainer) -> Media:
    video = _choose([s for s in container.streams.video if not s.disposition & Disposition.attached_pic])
    audio = _choose(list(container.streams.audio))
    if video is None and audio is None:
        raise InvalidMediaNoStreams(f"{path.name} ({container.format.long_name}) has neither picture nor sound")
    for stream in (video, audio):
        if stream is not None and stream.codec_context is None:
            raise InvalidMediaUnreadable(f"{path.name}: the codec of stream {stream.index} is unknown to FFmpeg")
    if video is not None:
        if not video.codec_context.width and _refused_for_its_size(path):
            raise InvalidMediaTooLarge(f"{path.name} has pictures of more than {MAX_AREA // 2**20} Mi pixels")
        _check_size(path, video.codec_context.width, video.codec_context.height)

    pictures = VideoScan(video) if video is not None else None
    sounds = AudioScan(audio) if audio is not None else None
    try:
        complete = scan_packets(container, pictures, sounds)
    except av.error.FFmpegError as error:
        raise InvalidMediaTruncated(f"{path.name} can't be read to its end: {error.strerror}") from error
    if not complete and container.format.name not in CUT_ANYWHERE:
        raise InvalidMediaTruncated(f"{path.name} ends in the middle of a packet")

    video_stream = _video_stream(path, video, pictures) if pictures and pictures.clock.count else None
    audio_stream = _audio_stream(audio, sounds, len(container.streams.audio)) if sounds and sounds.count else None
    if video_stream is None and audio_stream is None:
        raise InvalidMediaNoStreams(f"{path.name} ({container.format.long_name}) holds no picture and no sound")
    spans = [scan.span for scan in (pictures, sounds) if scan is not None and scan.span is not None]
    duration = max(end for _, end in spans) - min(start for start, _ in spans)
    if duration > MAX_SECONDS:
        raise InvalidMediaTooLong(f"{path.name} lasts {_hours(duration)}: at most {MAX_SECONDS // 3600} h are accepted")
    if video_stream and pictures and pictures.span:
        _check_copies(path, video_stream, pictures.span[1] - pictures.span[0])
    if video_stream and pictures and container.format.name not in CUT_ANYWHERE:
        _check_lead(path, video_stream, pictures.refused if container.format.name == "avi" else 0)
    joints = sum(scan.joints.found for scan in (pictures, sounds) if scan is not None and scan.joints is not None)
    return Media(container.format.name, size, round(float(duration), 6), joints == 0, video_stream, audio_stream)


def _refused_for_its_size(path: Path) -> bool:
    """Whether a decoder that gave no picture did so because of its size: only libavutil's log tells."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as log, open_container(path):
            return any("max pixel count" in message for _, _, message in log)
    finally:
        av.logging.set_level(level)


def _choose(streams: list[Any]) -> Any:
    """The default stream, else the first, else None."""
    return next((s for s in streams if s.disposition & Disposition.default), next(iter(streams), None))


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise InvalidMediaTooLarge(f"{path.name} is {width}x{height}: at most {MAX_SIDE} pixels a side are accepted")


def _check_copies(path: Path, video_stream: VideoStream, seconds: Fraction) -> None:
    """Refuse a variable rate that becomes a constant one only by hours of copies of a few pictures."""
    made = round(seconds * min(video_stream.nominal_rate, Fraction(MOST_FRAMES_PER_SECOND)))
    if not video_stream.constant_rate and made > max(_FRAMES_FREELY_MADE, _FRAMES_MADE_OF_ONE * video_stream.frames):
        raise InvalidMediaTooLong(
            f"{path.name} has {video_stream.frames} pictures in {_hours(seconds)}, and would become a video of {made}"
        )


def _check_lead(path: Path, shown: VideoStream, untimed: int) -> None:
    """Refuse a damaged start; a recording that was cut there may well begin with pictures that lack their reference.

    `untimed` are pictures that can't be decoded of a start without times: nothing tells how long they were shown.
    """
    lost = untimed or round(Fraction(shown.lead) * shown.average_rate)
    if untimed or lost > replaceable(shown.frames, shown.average_rate):
        raise InvalidMediaDamaged(f"{path.name} has {shown.frames} frames, and its first {lost} can't be decoded")


def _hours(seconds: Fraction) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min"


def _video_stream(path: Path, stream: Any, scan: VideoScan) -> VideoStream:
    context, frame, clock = stream.codec_context, scan.first_frame, scan.clock
    if frame is None:
        raise InvalidMediaUnreadable(f"{path.name}: no picture of its {context.name} stream can be decoded")
    _check_size(path, frame.width, frame.height)
    announced = tuple(r for r in (stream.guessed_rate, stream.average_rate, stream.base_rate) if r)
    nominal = clock.nominal(announced) if scan.timed else announced_rate(announced)
    constant = scan.timed and clock.constant
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    rotation = -round(frame.rotation) % 360
    # as FFmpeg's scaler makes pixels square: the width follows the height
    shown = (round(frame.width * aspect), frame.height)
    _check_size(path, *shown)
    transfer = _TRANSFERS.get(context.color_trc, "unknown")
    return VideoStream(
        index=stream.index,
        codec=context.name,
        width=frame.width,
        height=frame.height,
        display_width=shown[1] if rotation in (90, 270) else shown[0],
        display_height=shown[0] if rotation in (90, 270) else shown[1],
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        rotation=rotation,
        sample_aspect_ratio=aspect,
        interlaced=frame.interlaced_frame or int(context.field_order) not in _PROGRESSIVE,
        hdr=transfer in _HDR_TRANSFERS,
        color_transfer=transfer,
        color_space=_SPACES.get(context.colorspace, "unknown"),
        average_rate=(clock.average or nominal).limit_denominator(100_000) if scan.timed and not constant else nominal,
        nominal_rate=nominal,
        constant_rate=constant,
        frames=clock.count,
        start_time=scan.start_time,
        lead=scan.lead,
    )


def _audio_stream(stream: Any, scan: AudioScan, tracks: int) -> AudioStream:
    context = stream.codec_context
    return AudioStream(
        index=stream.index,
        codec=context.name,
        channels=context.channels,
        rate=context.sample_rate,
        tracks=tracks,
        start_time=scan.start_time,
    )
