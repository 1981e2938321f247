"""The frame filters of a conversion, as an ffmpeg-python filter chain.

The chain makes frames progressive, cropped, upright, constant in rate, SDR, with square pixels, of one even size, and
8 bits deep. `conversion_chain` applies the filters in that order. Every other function adds filters for one of these
properties.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from avflow.media.model import VideoStream
from avflow.media.rates import conversion_rate
from avflow.media.shapes.geometry import cropped_size, fitted_size

#: Options of the input: `conversion_chain` itself crops and rotates, and adapts to another frame size. FFmpeg would
#: crop and rotate before the frames have one size, and rebuilt filters would restart the frame count.
INPUT_OPTIONS = {"reinit_filter": 0, "noautorotate": None, "apply_cropping": "codec"}


def conversion_chain(frames: Any, stream: VideoStream) -> Any:
    """All filters that a conversion applies to the frames of `stream`, which is read with `INPUT_OPTIONS`."""
    frames = of_one_size(frames, stream)
    if stream.interlaced:
        frames = deinterlaced(frames)
    frames = upright(cropped(frames, stream), stream)
    frames = at_constant_rate(frames, stream, conversion_rate(stream))
    if stream.hdr:
        frames = tone_mapped(frames, stream)
    if stream.sample_aspect_ratio != 1:
        frames = with_square_pixels(frames, stream)
    return as_even_yuv420p(frames)


def of_one_size(frames: Any, stream: VideoStream) -> Any:
    """Frames of the stream's size. Other frames are scaled to fit into it, without stretching, and padded with black.

    The rule is that of `avflow.media.shapes.geometry.fitted_size`.
    """
    width, height = stream.width, stream.height
    if not stream.size_changes and not stream.sections:
        return frames.filter("scale", width, height)  # all frames have this size already
    if stream.sections:
        frames = fitted_by_time(frames, stream)
    else:
        size = (
            f"min({width},max(2,2*round({height}*iw/ih/2)))",
            f"min({height},max(2,2*round({width}*ih/iw/2)))",
        )
        frames = frames.filter("scale", *size, eval="frame", interl=_interlaced(stream))
    frames = frames.filter("pad", width, height, "floor((ow-iw)/4)*2", "floor((oh-ih)/4)*2", eval="frame")
    # `pad` rounds sides to whole chroma samples
    return frames.filter("format", "yuv444p|yuv444p10" if width % 2 or height % 2 else "yuv420p|yuv420p10")


def fitted_by_time(frames: Any, stream: VideoStream) -> Any:
    """Frames scaled to fit into the stream's size, each section of the stream by its sample aspect ratio.

    FFmpeg gives every frame the sample aspect ratio of the first one (fftools/ffmpeg_dec.c, `sar_override`), so that
    filters don't see it change. Therefore they get the sizes as commands, half a frame before each section.
    """
    canvas, half_frame = (stream.width, stream.height), float(1 / stream.nominal_rate / 2)
    sizes = [
        fitted_size((section.width, section.height), canvas, section.sample_aspect_ratio / stream.sample_aspect_ratio)
        for section in stream.sections
    ]
    commands = ";".join(
        f"{section.start - half_frame:.6f} scale@fit w {width}, scale@fit h {height}"
        for section, (width, height) in list(zip(stream.sections, sizes, strict=True))[1:]
    )
    frames = frames.filter("setpts", "PTS-STARTPTS").filter("sendcmd", commands)
    return frames.filter("scale@fit", *sizes[0], interl=_interlaced(stream))


def _interlaced(stream: VideoStream) -> int:
    """Whether the scaler keeps the two fields of a frame apart: if the frame says so, or never."""
    return -1 if stream.interlaced else 0


def cropped(frames: Any, stream: VideoStream) -> Any:
    """Frames without what the container crops."""
    if stream.crop is None:
        return frames
    size = cropped_size(stream.width, stream.height, stream.crop)
    return frames.filter("crop", *size, stream.crop.left, stream.crop.top, exact=1)


def upright(frames: Any, stream: VideoStream) -> Any:
    """Frames mirrored and rotated by the display matrix."""
    if stream.mirrored:
        frames = frames.filter("hflip")
    if stream.rotation == 90:
        return frames.filter("transpose", "clock")
    if stream.rotation == 180:
        return frames.filter("hflip").filter("vflip")
    if stream.rotation == 270:
        return frames.filter("transpose", "cclock")
    # like FFmpeg and players, keep the size and cut off the corners
    return frames.filter("rotate", f"{stream.rotation}*PI/180") if stream.rotation else frames


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
    """Frames scaled to the display size."""
    return frames.filter("scale", stream.display_width, stream.display_height)


def as_even_yuv420p(frames: Any) -> Any:
    """8-bit frames (`yuv420p`), padded at the right and the bottom to an even width and height.

    They are marked as square: scaling to whole pixels leaves a sample aspect ratio that is nearly 1.
    """
    return frames.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2").filter("format", "yuv420p").filter("setsar", 1)
