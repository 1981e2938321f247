"""The frame filters of a conversion, as an ffmpeg-python filter chain.

The chain makes frames upright, progressive, constant in rate, SDR, with square pixels, of even size, and 8 bits deep.
`conversion_chain` applies the filters in that order. Every other function adds filters for one of these properties.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from avflow.media.model import VideoStream
from avflow.media.reasons import conversion_rate
from avflow.media.rotation import upright_size


def conversion_chain(frames: Any, stream: VideoStream) -> Any:
    """All filters that a conversion applies to the frames of `stream`."""
    frames = upright(frames, stream)
    if stream.interlaced:
        frames = deinterlaced(frames)
    frames = at_constant_rate(frames, stream, conversion_rate(stream))
    if stream.hdr:
        frames = tone_mapped(frames, stream)
    if stream.sample_aspect_ratio != 1:
        frames = with_square_pixels(frames, stream)
    return as_even_yuv420p(frames)


def upright(frames: Any, stream: VideoStream) -> Any:
    """Frames after the rotation by the display matrix, all of one size.

    FFmpeg itself rotates the frames before the first filter (option `-autorotate`, on by default). The `scale` filter
    only fixes the size: a broadcast may change it in the middle.
    """
    width, height = upright_size(stream.width, stream.height, stream.rotation)
    return frames.filter("scale", width, height)


def deinterlaced(frames: Any) -> Any:
    """One progressive frame per interlaced frame."""
    return frames.filter("bwdif", mode="send_frame", deint="all")


def at_constant_rate(frames: Any, stream: VideoStream, rate: Fraction) -> Any:
    """Frames at the constant frame rate `rate`, starting with the first frame of the stream.

    The last decoded frame replaces a frame that can't be decoded. At the start of the stream, the first decoded frame
    replaces the undecodable frames before it. The first and the last frame are held as `stream` says.
    """
    start = stream.lead + float(stream.held_first / rate)
    frames = frames.filter("setpts", f"PTS-STARTPTS+{start:.6f}/TB").filter("fps", str(rate), start_time=0)
    return frames.filter("tpad", stop=stream.held_last, stop_mode="clone") if stream.held_last else frames


def tone_mapped(frames: Any, stream: VideoStream) -> Any:
    """SDR frames in BT.709 from HDR frames (PQ or HLG), converted in linear light (Report ITU-R BT.2390)."""
    light = frames.filter("setparams", color_primaries="bt2020", color_trc=stream.color_transfer, colorspace="bt2020nc")
    light = light.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le").filter("zscale", p="bt709")
    light = light.filter("tonemap", tonemap="hable", desat=0)
    return light.filter("zscale", t="bt709", m="bt709", r="tv")


def with_square_pixels(frames: Any, stream: VideoStream) -> Any:
    """Frames scaled to the display size, with a sample aspect ratio of 1."""
    return frames.filter("scale", stream.display_width, stream.display_height).filter("setsar", 1)


def as_even_yuv420p(frames: Any) -> Any:
    """8-bit frames (`yuv420p`), padded at the right and the bottom to an even width and height."""
    return frames.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2").filter("format", "yuv420p")
