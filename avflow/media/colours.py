"""How a video stream stores its colours, by FFmpeg's names."""

from __future__ import annotations

from typing import Any

#: AVColorTransferCharacteristic
_TRANSFERS = {1: "bt709", 6: "smpte170m", 8: "linear", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12"} | {
    16: "smpte2084",
    18: "arib-std-b67",
}
#: transfers of high dynamic range: PQ and HLG
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
#: the values of AVColorSpace that FFmpeg's scaler supports
_SPACES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}


def transfer_of(context: Any) -> str:
    """The name of the transfer of a codec context; "unknown" if the file doesn't say."""
    return _TRANSFERS.get(context.color_trc, "unknown")


def matrix_of(context: Any, frame: Any) -> str:
    """The name of the colour matrix; "unknown" if the file doesn't say.

    RGB has none, and gets that of FFmpeg's scaler, which converts it.
    """
    if frame.format.is_rgb or frame.format.has_palette:
        return "smpte170m"
    return _SPACES.get(context.colorspace, "unknown")
