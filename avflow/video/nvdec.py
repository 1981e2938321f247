"""The parts of a graphics card beside its cores: NVIDIA's video decoder, NVDEC.

It decodes only what its formats define to the last bit, so that a frame, and a box on it, doesn't
depend on the machine: ITU-T H.264 and H.265, VP8 and VP9. MPEG-1, MPEG-2, MPEG-4 Part 2 and
VC-1 leave the inverse transform room for rounding (IEEE 1180), so FFmpeg decodes them itself; the
AVI that a conversion writes is one of these. AV1 is as exact, but FFmpeg's first decoder for it,
dav1d, which PyAV opens, doesn't use the card.

NVENC, the encoder, isn't used: the result is MPEG-4 Part 2, which it doesn't write (NVIDIA Video
Codec SDK, "Video Encode and Decode GPU Support Matrix": H.264, HEVC and AV1).
"""

from __future__ import annotations

from functools import cache

import av
from av.codec.hwaccel import HWAccel

from avflow.media import VideoStream

#: of those formats, the pixels that every card with NVDEC takes, and that the pipeline works on
_EXACT = ("h264", "hevc", "vp8", "vp9")
_PIXELS = ("yuv420p", "yuvj420p")


def nvdec(stream: VideoStream) -> bool:
    """Whether NVDEC gives this picture's frames, bit by bit those of FFmpeg's decoder, on this machine."""
    return stream.codec in _EXACT and stream.pixel_format in _PIXELS and not stream.interlaced and _opens(stream.codec)


@cache
def _opens(codec: str) -> bool:
    """Whether the decoder was built in and the driver answers; tried once, as it takes a moment."""
    try:
        HWAccel("cuda", allow_software_fallback=False).create(av.Codec(codec, "r"))
    except (av.error.FFmpegError, NotImplementedError):
        return False
    return True
