"""Streams that appear late: FLV, MPEG-TS and MPEG-PS don't announce their streams at the start.

libavformat looks for streams in the first 5 MB. FLV sound that begins after 9 s is found while packets are read, too
late for programs that chose their streams before. Such a file is opened again, and libavformat then reads further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer

#: How far libavformat reads to find streams: bytes, which it keeps in memory, and microseconds.
FAR_OPTIONS = {"probesize": str(256 * 2**20), "analyzeduration": str(3600 * 1_000_000)}


def has_late_streams(container: InputContainer) -> bool:
    """Whether the demuxer found another stream after the container was opened. Valid after reading its packets."""
    description: str = container.dumps_format()  # type: ignore[attr-defined]  # its types lack it
    return f"Stream #0:{len(container.streams)}" in description
