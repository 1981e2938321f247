"""The description of a media file, which the steps exchange as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from mashumaro import field_options

from avflow.media.contract import Contract
from avflow.media.notices import Notice

#: The largest frame in pixels that a decoder may allocate, padding to whole blocks included. The limit applies to every
#: packet, because a later frame may be larger than the first.
MAX_AREA = 64 * 1024 * 1024


@dataclass(frozen=True)
class Crop(Contract):
    """Pixels at each side of the stored frame that a player doesn't show."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Section(Contract):
    """Consecutive frames of one size, as stored in pixels, and one sample aspect ratio."""

    #: seconds from the first decodable frame of the video to that of the section
    start: float
    width: int
    height: int
    sample_aspect_ratio: Fraction


@dataclass(frozen=True)
class VideoStream(Contract):
    """The video stream that is processed.

    `frames` counts the packets that are shown. If an interlaced stream stores each field in its own packet, that is
    twice the number of frames.
    """

    #: index of the stream in the container
    index: int
    codec: str
    #: size in pixels as stored; if it changes, that of the longest section
    width: int
    height: int
    #: size in pixels as a player shows it: cropped, rotated, and with square pixels
    display_width: int
    display_height: int
    pixel_format: str
    bit_depth: int
    #: degrees by which a player rotates the frames clockwise: normally 0, 90, 180 or 270
    rotation: int
    #: width of a pixel divided by its height; if it changes, that of the longest section
    sample_aspect_ratio: Fraction
    interlaced: bool
    #: high dynamic range: SMPTE ST 2084 (PQ) or ARIB STD-B67 (HLG)
    hdr: bool
    #: FFmpeg's name; "unknown" if the file doesn't say
    color_transfer: str
    #: the same; of RGB, the matrix with which the results store it
    color_space: str
    #: frames per second, averaged over the whole stream
    average_rate: Fraction
    #: frames per second of most frames; the exact rate if `constant_rate` is true
    nominal_rate: Fraction
    constant_rate: bool
    frames: int
    #: timestamp in seconds of the first frame, on the container's clock
    start_time: float
    #: seconds from the first frame to the first decodable frame, which replaces the frames before it
    lead: float = 0.0
    #: pictures that the decoder keeps (`avflow.media.shapes.references`)
    references: int = 0
    #: bytes of its largest decoded frame
    frame_bytes: int = 0
    #: frames of the results in which the first frame is held, because the sound starts earlier
    held_first: int = 0
    #: frames of the results in which the last frame is held for longer, by its own duration or that of the sound
    held_last: int = 0
    #: what the container crops from every frame
    crop: Crop | None = None
    #: whether a player mirrors the frames left to right before it rotates them
    mirrored: bool = False
    #: whether the size as stored changes in the middle
    size_changes: bool = False
    #: the sections of the video if the sample aspect ratio changes in the middle
    sections: tuple[Section, ...] = ()
    #: whether FFmpeg finds the streams of this file only if it reads further than usual (`avflow.media.tracks.late`)
    late: bool = False
    #: whether the last good frame may replace any number of damaged ones: the file has sound, which is worth a result
    any_gap: bool = False

    @property
    def total_frames(self) -> int:
        """The frames of the annotated video, if it is made without a conversion."""
        return self.held_first + self.frames + self.held_last

    @property
    def drawn_color_space(self) -> str:
        """FFmpeg's name of the annotated frames' colour matrix. A conversion, an AVI, does not tell it.

        A conversion of HDR makes BT.709 of it (`avflow.ffmpeg.filters.tone_mapped`).
        """
        return "bt709" if self.hdr else self.color_space


@dataclass(frozen=True)
class MixedStream(Contract):
    """How an audio stream enters the mix: a weight per channel. `avflow.media.tracks.mixing` computes them."""

    #: index of the stream in the container
    index: int
    #: weights for speech recognition; empty: FFmpeg's own
    speech: tuple[float, ...] = ()
    #: weights for the sound of the result, one row per channel of it; empty: FFmpeg's own
    sound: tuple[tuple[float, ...], ...] = ()
    #: mean of the samples in the mix for speech recognition; 1 is full scale
    offset: float = 0.0


@dataclass(frozen=True)
class AudioStream(Contract):
    """The audio stream that is kept and transcribed; if several are mixed, the first of them."""

    #: index of the stream in the container
    index: int
    codec: str
    channels: int
    #: samples per second
    rate: int
    #: number of audio streams in the file
    tracks: int
    #: timestamp in seconds of the first packet, on the container's clock
    start_time: float
    #: as in `VideoStream`
    late: bool = False
    #: all streams that are heard; empty: this one, mixed by FFmpeg
    mix: tuple[MixedStream, ...] = ()
    #: dB by which the sound is amplified for speech recognition, and in the result
    speech_gain: float = 0.0
    sound_gain: float = 0.0
    #: largest magnitude of a sample before that; 1 is full scale
    peak: float = 0.0


@dataclass(frozen=True)
class Track(Contract):
    """A stream of the file, and whether it was used."""

    #: index of the stream in the container
    index: int
    kind: Literal["video", "audio", "subtitle"]
    #: null if unknown
    codec: str | None
    #: as the file states it, often ISO 639-2; null if it does not
    language: str | None
    title: str | None
    #: FFmpeg's names, such as default and comment
    dispositions: tuple[str, ...]
    #: whether it was used
    chosen: bool
    #: why it was used or not
    why: str
    #: of an audio stream
    channels: int | None = None
    layout: str | None = None
    #: of an audio stream: the level in dB (0 is full scale) that its loudest 2 % exceed; null if silent or not measured
    level: float | None = None
    #: of a video stream, in pixels
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Media(Contract):
    """A media file. It has a video stream, an audio stream, or both."""

    #: FFmpeg's name of the demuxer, such as `matroska,webm`
    container: str
    #: size in bytes
    size: int
    #: seconds from the start of the first packet to the end of the last one, whatever the header says
    duration: float
    #: false if the file consists of joined recordings whose timestamps jump
    continuous: bool
    video: VideoStream | None = field(metadata=field_options(alias="picture"))
    audio: AudioStream | None = field(metadata=field_options(alias="sound"))
    #: timestamp of second 0 of all results, on the container's clock
    zero: float = 0.0
    #: what the user should know about this file
    notices: tuple[Notice, ...] = ()
    #: whether the file ends before the recording that it announces, or in the middle of an element
    truncated: bool = False
    #: seconds that the header announces; None if it announces none
    announced_seconds: float | None = None
    #: the streams of the file, and which of them were used
    tracks: tuple[Track, ...] = ()

    @property
    def drawn_color_space(self) -> str:
        """FFmpeg's name of the annotated frames' colour matrix; `unknown` without video."""
        return self.video.drawn_color_space if self.video else "unknown"

    def noting(self, *notices: Notice) -> Media:
        """The same media with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    def found_late(self) -> Media:
        """The same media, with its streams marked as late."""
        return replace(
            self,
            video=self.video and replace(self.video, late=True),
            audio=self.audio and replace(self.audio, late=True),
        )
