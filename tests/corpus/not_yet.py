"""Cases whose results are not right yet, each with its reason. A case that becomes right must leave this list."""

from __future__ import annotations

NOT_YET: dict[str, str] = {
    "hostile-sps-2000000": "FFmpeg takes 3.8 GiB for the parameter sets before it refuses the file",
    "hostile-mkv-in-mp4": "the pictures of the Matroska part come out, and the MP4 behind them is lost without a word",
}
