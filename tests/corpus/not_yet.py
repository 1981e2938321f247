"""Cases whose results are not right yet, each with its reason. A case that becomes right must leave this list."""

from __future__ import annotations

_LOST = "the parts after the first are lost"

NOT_YET: dict[str, str] = {
    "clock-webm-vp8-opus": _LOST,
    "clock-webm-vp9-opus": _LOST,
    "clock-webm-vp9-vorbis": _LOST,
    "clock-webm-av1-opus": _LOST,
    "clock-mkv-h264-aac": _LOST,
    "clock-mkv-h264-flac": _LOST,
    "clock-mkv-three": _LOST,
    "clock-flv-sorenson-mp3": _LOST,
    "clock-flv-h264-aac": _LOST,
    "clock-flv-three": _LOST,
    "clock-ogv-theora-vorbis": "chained Ogg is taken for a truncated file",
    "clock-fmp4": _LOST,
    "clock-fmp4-three": _LOST,
    "clock-ts-three": "sound and picture drift apart at each joint",
}
