"""Decides when to decode on NVIDIA's hardware decoder, NVDEC.

A frame and the boxes on it must not depend on the machine. NVDEC therefore decodes only formats whose specification
defines the output bit by bit: ITU-T H.264, H.265, VP8 and VP9. MPEG-1, MPEG-2, MPEG-4 Part 2 and VC-1 allow rounding
differences in the inverse transform (IEEE 1180), so FFmpeg decodes them on the CPU; a converted AVI is one of these.
AV1 is exact too, but PyAV opens FFmpeg's first decoder for it, dav1d, which doesn't use the GPU.

Only the MP4 is encoded on the GPU (`avflow.video.writer`): the AVI is MPEG-4 Part 2, and NVENC encodes H.264, HEVC and
AV1 (NVIDIA Video Codec SDK, "Video Encode and Decode GPU Support Matrix").
"""

from __future__ import annotations

from functools import cache

import av
from av.codec.hwaccel import HWAccel

from avflow.media import VideoStream
from avflow.media.accepted import LEAST_NVDEC, ffmpeg_release

#: the exact formats, and the pixel formats that every NVDEC supports and the pipeline uses
_EXACT = ("h264", "hevc", "vp8", "vp9")
_PIXELS = ("yuv420p", "yuvj420p")


def nvdec(stream: VideoStream) -> bool:
    """Whether this machine's NVDEC can decode the stream, with the same bits as FFmpeg's decoder."""
    steady = not stream.interlaced and not stream.size_changes
    return stream.codec in _EXACT and stream.pixel_format in _PIXELS and steady and opens(stream.codec)


@cache
def opens(codec: str) -> bool:
    """Whether FFmpeg has the hardware decoder, without known holes, and the driver works. Tried once per codec."""
    if ffmpeg_release(av.ffmpeg_version_info) < LEAST_NVDEC:
        return False
    try:
        HWAccel("cuda", allow_software_fallback=False).create(av.Codec(codec, "r"))
    except (av.error.FFmpegError, NotImplementedError):
        return False
    return True
