"""The description of a media file that the steps pass on to each other as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from mashumaro import field_options

from avflow.media.contract import Contract

#: pixels: the largest picture that a decoder makes of any packet, with what fills its last blocks; a later one may be
#: larger than the first
MAX_AREA = 64 * 1024 * 1024


@dataclass(frozen=True)
class VideoStream(Contract):
    """The video stream that is processed.

    `frames` counts packets that are shown; in a stream that stores each field of an
    interlaced picture on its own that is twice the number of pictures.
    """

    #: index of the stream in the container
    index: int
    codec: str
    #: pixels as stored
    width: int
    height: int
    #: pixels as a player shows them: rotated and with square pixels
    display_width: int
    display_height: int
    pixel_format: str
    bit_depth: int
    #: degrees that a player turns the picture clockwise: 0, 90, 180 or 270
    rotation: int
    sample_aspect_ratio: Fraction
    interlaced: bool
    #: high dynamic range: SMPTE ST 2084 (PQ) or ARIB STD-B67 (HLG)
    hdr: bool
    #: FFmpeg's names, "unknown" where the file doesn't say
    color_transfer: str
    color_space: str
    #: frames per second over the whole stream
    average_rate: Fraction
    #: the rate of most frames; equal to the true rate where `constant_rate`
    nominal_rate: Fraction
    constant_rate: bool
    frames: int
    #: seconds at which the first picture is shown, on the container's clock
    start_time: float
    #: seconds from there to the first picture that can be decoded, which is shown for those before it
    lead: float = 0.0


@dataclass(frozen=True)
class AudioStream(Contract):
    """The audio track that is kept and transcribed: the default one, else the first."""

    #: index of the stream in the container
    index: int
    codec: str
    channels: int
    #: samples per second
    rate: int
    #: audio tracks in the file
    tracks: int
    #: seconds at which the first packet is heard, on the container's clock
    start_time: float


@dataclass(frozen=True)
class Media(Contract):
    """A media file: at least one of `video` and `audio` is there."""

    #: FFmpeg's name of the demuxer, such as `matroska,webm`
    container: str
    #: bytes
    size: int
    #: seconds from the first to the end of the last packet, whatever the header says
    duration: float
    #: False where recordings with clocks of their own were joined
    continuous: bool
    video: VideoStream | None = field(metadata=field_options(alias="picture"))
    audio: AudioStream | None = field(metadata=field_options(alias="sound"))
