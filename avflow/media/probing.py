"""Describes an uploaded file. The file may be hostile, so nothing in it is trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, overload

import av
from av.container import InputContainer

from avflow.errors import (
    InvalidMedia,
    InvalidMediaDamaged,
    InvalidMediaEmpty,
    InvalidMediaFrameRate,
    InvalidMediaNoStreams,
    InvalidMediaPlaylist,
    InvalidMediaTooLarge,
    InvalidMediaTooLong,
    InvalidMediaUnreadable,
)
from avflow.media.clock.holding import hold
from avflow.media.clock.origin import Origin
from avflow.media.clock.recordings import Recording
from avflow.media.clock.timing import announced_rate
from avflow.media.colours import HDR_TRANSFERS, matrix_of, transfer_of
from avflow.media.containers import (
    CUT_ANYWHERE,
    is_playlist,
)
from avflow.media.damage import check_lead
from avflow.media.key_frames import KeyScan
from avflow.media.lengths import truncation
from avflow.media.lengths.announced import Announced, announced
from avflow.media.lengths.raw_samples import raw_samples
from avflow.media.limits import (
    MAX_RATE,
    MAX_SECONDS,
    check_duplicates,
    check_memory,
    check_proportion,
    check_size,
    frame_bytes,
    in_hours,
)
from avflow.media.model import MAX_AREA, AudioStream, Media, Section, VideoStream
from avflow.media.notices import Notice, empty_streams, video_left_out
from avflow.media.opening import exceeds_max_area, open_container
from avflow.media.patience import check, limited
from avflow.media.scan import AudioScan, VideoScan, scan_packets
from avflow.media.shapes.changes import Shape, Shapes
from avflow.media.shapes.cropping import container_crop
from avflow.media.shapes.geometry import cropped_size, orientation, upright_size
from avflow.media.tracks.choosing import Choosing
from avflow.media.tracks.decodability import try_streams, undecodable_notices
from avflow.media.tracks.late import has_late_streams
from avflow.media.tracks.rules import films
from avflow.progress import Meter, Report, ignore

#: AVFieldOrder: 0 is unknown, 1 is progressive, all others are interlaced
_PROGRESSIVE = (0, 1)
#: seconds of sound without a picture in which anything can be heard
_LEAST_SOUND = Fraction(1, 100)
#: errors of the picture after which good sound is still processed
_LEAVES_SOUND = (
    InvalidMediaDamaged,
    InvalidMediaUnreadable,
    InvalidMediaFrameRate,
    InvalidMediaTooLong,
    InvalidMediaTooLarge,
)


def probe(
    path: Path,
    *,
    origin: Origin | None = None,
    end: int | None = None,
    audio_track: str = "",
    measure: bool = True,
    keys: KeyScan | None = None,
    report: Report = ignore,
) -> Media:
    """Describe a media file after reading it from start to end.

    This opens no other file or address, whatever `path` contains. It decodes a few packets of each stream, one frame
    per frame size, and the sound in a pass of its own. The memory does not grow with the length of the file. A file
    that is cut is described as far as it goes (`avflow.media.lengths.truncation`), and without a stream that can't be
    decoded (`avflow.media.tracks.decodability`).

    Parameters
    ----------
    origin:
        The upload, if the file is the copy of its recordings on one clock (`avflow.media.clock.joining`).
    end:
        The byte at which a file of another kind begins behind this one (`avflow.media.clock.foreign`).
    audio_track:
        The setting `AudioTrack`: index or language of an audio stream. Empty: automatic.
    measure:
        Whether the sound is measured. Without that, FFmpeg's own mix is described.
    keys:
        Collects the key frames of the video stream.
    report:
        Called often. Whatever it raises ends the work.

    Raises
    ------
    InvalidMediaEmpty, InvalidMediaPlaylist, InvalidMediaTruncated, InvalidMediaUnreadable,
    InvalidMediaNoStreams, InvalidMediaTooLarge, InvalidMediaTooLong, InvalidMediaDamaged, InvalidMediaFrameRate,
    InvalidMediaCodec, InvalidMediaSound, InvalidMediaOutOfProportion, InvalidMediaTooSlow
    ClockUnusable
        The file consists of joined recordings: `avflow.media.clock.joining.on_one_clock` joins them first.
    """
    if path.stat().st_size == 0:
        raise InvalidMediaEmpty(f"{path.name} has 0 bytes")
    if is_playlist(path):
        raise InvalidMediaPlaylist(f"{path.name} is a playlist or script, not a media file")
    with limited(path):
        recording = Recording(0, path.stat().st_size if end is None else end)
        asked = _Asked(
            path,
            announced(path, recording),
            recording.end,
            origin,
            audio_track,
            measure,
            keys,
            Meter("probe", None, "seconds", report),
        )
        return _probe(asked)


def _probe(asked: _Asked) -> Media:
    path = asked.path
    truncation.require_index(path, asked.header)
    try:
        return _read(asked, far=False) or _read(asked, far=True)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError as error:
        check()  # it stops a demuxer that takes too long
        raise InvalidMediaUnreadable(f"{path.name} is not a supported video or audio file: {error.strerror}") from error


@dataclass(frozen=True)
class _Asked:
    """The parameters of `probe`, the header of the file, and its bytes."""

    path: Path
    header: Announced
    size: int
    origin: Origin | None
    audio_track: str
    measure: bool
    keys: KeyScan | None
    meter: Meter

    @property
    def continuous(self) -> bool:
        """Whether the upload has a single clock."""
        return self.origin is None or self.origin.continuous

    @property
    def named(self) -> Path:
        """The path whose name the user knows."""
        return self.origin.path if self.origin else self.path


@overload
def _read(asked: _Asked, *, far: Literal[True]) -> Media: ...
@overload
def _read(asked: _Asked, *, far: Literal[False]) -> Media | None: ...
def _read(asked: _Asked, *, far: bool) -> Media | None:
    """The description of a file; None if streams appear late, and the file must be opened with `far`."""
    with open_container(asked.path, far=far) as container:
        try:
            media = _describe(asked, container, far=far)
        except InvalidMedia:
            if far or not has_late_streams(container):
                raise
            return None
        if far:
            media = media.found_late()
            if has_late_streams(container):
                late = f"A stream of {asked.named.name} begins so late that it was left out."
                media = media.noting(Notice("StreamLate", late))
            return media
        return None if has_late_streams(container) else media


def _describe(asked: _Asked, container: InputContainer, *, far: bool) -> Media:
    path, named, numbers = asked.path, asked.named, asked.origin.numbers if asked.origin else {}
    with open_container(path, far=far) as another:
        tried = try_streams(another)
    choosing = Choosing(
        container,
        lambda: open_container(path, far=far),
        asked.audio_track,
        asked.meter.tick,
        tried.undecodable,
        numbers=numbers,
    )
    video, audio = choosing.video, choosing.audio
    pictures = films(list(container.streams.video))
    if not pictures and not container.streams.audio:
        raise InvalidMediaNoStreams(f"{named.name} ({container.format.long_name}) has no video or audio stream")
    if video is None and pictures and exceeds_max_area(path):
        raise InvalidMediaTooLarge(f"{named.name} has frames of more than {MAX_AREA // 2**20} Mi pixels")
    left_out = undecodable_notices(named, container, tried, numbers, picture=video is None, sound=audio is None)
    if video is not None:
        check_size(named, video.codec_context.width, video.codec_context.height)

    video_scan = VideoScan(video, joined=not asked.continuous) if video is not None else None
    audio_scan = AudioScan(audio) if audio is not None else None
    broken_off = scan_packets(container, video_scan, audio_scan, asked.keys)
    if video_scan and video_scan.clock.count and (video_scan.first_frame is None or video_scan.first_frame.is_corrupt):
        video_scan.first_frame = tried.frames.get(video_scan.stream.index)
    spans = [scan.span for scan in (video_scan, audio_scan) if scan is not None and scan.span is not None]
    duration = max((end for _, end in spans), default=Fraction(0)) - min((start for start, _ in spans), default=0)
    extent = truncation.extent(asked.header, container, duration, size=asked.size, broken_off=broken_off)
    cut = truncation.judge(named, [extent])
    if duration > MAX_SECONDS:
        raise InvalidMediaTooLong(
            f"{named.name} lasts {in_hours(duration)}: at most {MAX_SECONDS // 3600} h are accepted"
        )
    check_proportion(
        named,
        named.stat().st_size,
        frames=video_scan.clock.count if video_scan else 0,
        pixels=_pixels(video_scan) if video_scan else 0,
        samples=audio_scan.samples if audio_scan else 0,
        sound=audio_scan.span[1] - audio_scan.span[0] if audio_scan and audio_scan.span else Fraction(0),
    )
    if spans and duration < _LEAST_SOUND and video_scan is None:
        raise InvalidMediaNoStreams(
            f"{named.name} ({container.format.long_name}) has sound of {float(duration):g} s, and nothing else"
        )
    tracks = len(container.streams.audio)
    audio_stream = _audio_stream(audio, audio_scan, tracks) if audio_scan and audio_scan.count else None
    if audio_stream and asked.measure:
        audio_stream = choosing.mixed(audio_stream)
        if not choosing.heard:  # such as a stream whose samples are all to be skipped
            left_out += (choosing.unheard(named),)
            audio_stream = None
    video_stream = None
    if video_scan and video_scan.clock.count:
        try:
            video_stream, damage = _checked_video(named, container, video_scan, has_sound=audio_stream is not None)
            left_out += damage
        except _LEAVES_SOUND as error:
            if audio_stream is None:
                raise
            left_out += (video_left_out(error),)
    if video_stream is None and audio_stream is None:
        raise InvalidMediaNoStreams(f"{named.name} ({container.format.long_name}) contains no video or audio packets")
    left_out += empty_streams(
        named.name,
        video=video.index if video_scan and not video_scan.clock.count else None,
        audio=audio.index if audio_scan and not audio_scan.count else None,
    )
    raw = raw_samples(path)
    media = Media(
        container=raw.container if raw else container.format.name,
        size=path.stat().st_size,
        duration=round(float(duration), 6),
        continuous=asked.continuous,
        video=video_stream,
        audio=audio_stream,
        notices=(*cut.notices, *left_out, *choosing.notices(named)),
        truncated=cut.truncated,
        announced_seconds=cut.announced_seconds,
        tracks=choosing.tracks(),
    )
    picture_span = video_scan.span if video_scan and video_stream else None
    return hold(media, picture_span, audio_scan.span if audio_scan else None)


def _checked_video(
    path: Path, container: InputContainer, scan: VideoScan, *, has_sound: bool
) -> tuple[VideoStream, tuple[Notice, ...]]:
    """The description of a video stream that the workflow can process, and what the user should know about it.

    If the file has good sound, damage of any length is no reason to refuse it.
    """
    video = _video_stream(path, scan.stream, scan)
    if scan.timed and scan.clock.count > 1 and scan.clock.average is None:
        raise InvalidMediaDamaged(f"{path.name} shows all of its {scan.clock.count} frames at the same time")
    if video.constant_rate and video.nominal_rate > MAX_RATE:
        raise InvalidMediaFrameRate(
            f"{path.name} says that it has {float(video.nominal_rate):g} frames per second: "
            f"at most {MAX_RATE} are accepted"
        )
    if scan.span:
        check_duplicates(path, video, scan.span[1] - scan.span[0])
    if container.format.name in CUT_ANYWHERE:
        return replace(video, any_gap=has_sound), ()
    try:
        check_lead(path, video, scan.rejected if container.format.name == "avi" else 0)
    except InvalidMediaDamaged as error:
        if not has_sound or not video.lead:
            raise
        notice = Notice("VideoDamaged", f"{error.message} The first good frame is shown in their place.")
        return replace(video, any_gap=True), (notice,)
    return replace(video, any_gap=has_sound), ()


def _video_stream(path: Path, stream: Any, scan: VideoScan) -> VideoStream:
    context, frame, clock = stream.codec_context, scan.first_frame, scan.clock
    if frame is None:
        raise InvalidMediaUnreadable(f"{path.name}: no frame of its {context.name} stream can be decoded")
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    first = Shape(frame.width, frame.height, aspect)
    shapes, largest = scan.shapes.finish(first), scan.shapes.largest(first)
    shape = shapes.longest
    check_size(path, shape.width, shape.height)
    bits = frame.format.padded_bits_per_pixel
    check_memory(path, largest.width, largest.height, bits, scan.shapes.references)
    announced = tuple(r for r in (stream.guessed_rate, stream.average_rate, stream.base_rate) if r)
    if stream.container.format.name == "avi":  # its tick is a frame, and FFmpeg guesses 120 for 119.88
        announced = (1 / stream.time_base, *announced)
    nominal = clock.nominal(announced) if scan.timed else announced_rate(announced)
    constant = scan.timed and clock.constant
    crop = container_crop(stream, shape.width, shape.height)
    mirrored, rotation = orientation(frame)
    width, height = cropped_size(shape.width, shape.height, crop)
    # FFmpeg's scaler makes pixels square by changing the width and keeping the height
    square = (max(1, round(width * shape.aspect)), height)
    check_size(path, *square)
    display_width, display_height = upright_size(*square, rotation)
    transfer = transfer_of(context)
    return VideoStream(
        index=stream.index,
        codec=context.name,
        width=shape.width,
        height=shape.height,
        display_width=display_width,
        display_height=display_height,
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        rotation=rotation,
        sample_aspect_ratio=shape.aspect,
        interlaced=frame.interlaced_frame or int(context.field_order) not in _PROGRESSIVE,
        hdr=transfer in HDR_TRANSFERS,
        color_transfer=transfer,
        color_space=matrix_of(context, frame),
        average_rate=(clock.average or nominal).limit_denominator(100_000) if scan.timed and not constant else nominal,
        nominal_rate=nominal,
        constant_rate=constant,
        frames=clock.count,
        start_time=scan.start_time,
        lead=scan.lead,
        crop=crop,
        mirrored=mirrored,
        size_changes=shapes.size_changes,
        sections=_sections(shapes, scan, nominal) if shapes.aspect_changes else (),
        references=scan.shapes.references,
        frame_bytes=frame_bytes(largest.width, largest.height, bits),
    )


def _pixels(scan: VideoScan) -> int:
    """The pixels of all frames together."""
    context = scan.stream.codec_context
    return int(scan.clock.count * context.width * context.height)


def _sections(shapes: Shapes, scan: VideoScan, rate: Fraction) -> tuple[Section, ...]:
    tick = scan.stream.time_base if scan.timed else 1 / rate
    first = scan.first_frame.pts if scan.timed and scan.first_frame is not None else None
    first = scan.clock.first if first is None else first
    starts = [max(0.0, round(float((ticks - first) * tick), 6)) for _, ticks in shapes.sections]
    return tuple(
        Section(start, shape.width, shape.height, shape.aspect)
        for start, (shape, _) in zip(starts, shapes.sections, strict=True)
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
