"""The reasons to convert a video before detection."""

from __future__ import annotations

from avflow.media.containers import RAW_STREAMS
from avflow.media.model import Media


def conversion_reasons(media: Media) -> tuple[str, ...]:
    """Why the detector can't read this video directly; empty if it can, or if there is no video stream.

    A codec alone is never a reason, because the detector decodes with the same FFmpeg as the conversion. An odd width
    or height is no reason either, because the annotated video is padded by a pixel. Nor are frames of several sizes,
    because the reader scales and pads them (`avflow.video.reader`).

    >>> conversion_reasons(Media("wav", 44, 0.0, True, None, None))
    ()
    """
    video = media.video
    if video is None:
        return ()
    found = {
        "variable frame rate": not video.constant_rate,
        "joined recordings": not media.continuous,
        "rotated": video.rotation != 0,
        "mirrored": video.mirrored,
        "cropped": video.crop is not None,
        "interlaced": video.interlaced,
        "non-square pixels": video.sample_aspect_ratio != 1 or bool(video.sections),
        "more than 8 bits": video.bit_depth > 8,
        "high dynamic range": video.hdr,
        "not seekable": media.container in RAW_STREAMS,
    }
    return tuple(reason for reason, applies in found.items() if applies)
