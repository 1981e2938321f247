"""Streams that appear late: FLV, MPEG-TS and MPEG-PS don't announce their streams at the start.

libavformat looks for streams in the first 5 MB. FLV sound that begins after 9 s is found while packets are read, too
late for programs that chose their streams before. Such a file is opened again with `FAR_OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import av
from av.container import InputContainer

from avflow.media.patience import Packets
from avflow.media.shapes.units import LEAST_BYTES, check_units


def demuxed(container: InputContainer, streams: Any) -> Iterator[Any]:
    """The packets of `streams`, as `container.demux` yields them.

    If the demuxer found another stream meanwhile, PyAV looks for it in its list at the end, and raises `IndexError`
    after the last packet of the known streams.

    Raises
    ------
    av.error.FFmpegError
    InvalidMediaTooSlow, InvalidMediaOutOfProportion
        As `avflow.media.patience.Packets`, within its limits.
    """
    packets, counted = container.demux(streams), Packets(container.format.name)
    name = PurePath(container.name).name
    while True:
        counted.add()
        try:
            packet = next(packets, None)
        except IndexError:
            return
        if packet is None:
            return
        if packet.size > LEAST_BYTES:
            check_units(name, packet.stream, packet)
        yield packet


def has_late_streams(container: InputContainer) -> bool:
    """Whether the demuxer found another stream after the container was opened. Valid after reading its packets.

    PyAV knows only the first streams, so libavformat's own description decides.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        description: str = container.dumps_format()  # type: ignore[attr-defined]  # its types lack it
    finally:
        av.logging.set_level(level)
    return f"Stream #0:{len(container.streams)}" in description
