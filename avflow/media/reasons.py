"""Why a video has to be converted before the detector reads it."""

from __future__ import annotations

from avflow.media.containers import RAW_STREAMS
from avflow.media.model import Media

#: a converted video has at most this many frames a second
MOST_FRAMES_PER_SECOND = 60


def conversion_reasons(media: Media) -> tuple[str, ...]:
    """Why this video can't be read frame by frame as it is; empty where it can, and where there is no picture.

    The detector's decoder is the FFmpeg that converts, so a codec alone is never a
    reason; odd dimensions are none either, the boxed video is padded by a pixel.

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
        "interlaced": video.interlaced,
        "non-square pixels": video.sample_aspect_ratio != 1,
        "more than 8 bits": video.bit_depth > 8,
        "high dynamic range": video.hdr,
        "not seekable": media.container in RAW_STREAMS,
    }
    return tuple(reason for reason, applies in found.items() if applies)
