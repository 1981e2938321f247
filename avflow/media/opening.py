"""Opens an uploaded file, which may be hostile, with libavformat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext

from avflow.media.accepted import DECODER_OPTIONS, FORMAT_WHITELIST, PROTOCOL_WHITELIST
from avflow.media.clock.recordings import Recording, RecordingFile
from avflow.media.containers import FAR_OPTIONS, file_url
from avflow.media.key_frames import Piece
from avflow.media.lengths.raw_samples import raw_samples
from avflow.media.limits import frame_bytes, threads_within
from avflow.media.patience import seconds_left
from avflow.media.ranged import RangedFile
from avflow.media.shapes.units import LEAST_BYTES, check_units

#: bits of a pixel if the format is not known before decoding: four components of 16 bits
_UNKNOWN_BITS = 64
#: seconds on the clock for one of processor time, in which libavformat has to open the file or find the next packet
_CLOCK = 4.0
#: bytes that are read at once
_BUFFER_BYTES = 1 << 18
#: ... of a file that is read by ranges: it reads so many after each jump, whatever it needs
_RANGED_BUFFER_BYTES = 1 << 15


def open_container(
    path: Path,
    hwaccel: HWAccel | None = None,
    *,
    recording: Recording | None = None,
    far: bool = False,
    ranged: RangedFile | None = None,
    pieces: Sequence[Piece] = (),
) -> InputContainer:
    """Open an uploaded file, or one recording in it. This opens no other file or address, whatever it contains.

    Parameters
    ----------
    hwaccel:
        Where to decode.
    far:
        Look for streams further than usual (`avflow.media.tracks.late`).
    ranged:
        The file, if it is read by ranges. It has a video stream.
    pieces:
        Those of the ranged file that are read; none: all of it.

    Raises
    ------
    av.error.FFmpegError
    InvalidMediaOutOfProportion
        A codec's header consists of too many pieces (`avflow.media.shapes.units`).
    """
    options = {
        "protocol_whitelist": PROTOCOL_WHITELIST,
        "format_whitelist": FORMAT_WHITELIST,
        **DECODER_OPTIONS,  # for the decoders that libavformat runs on the first packets to identify the streams
    }
    part = None if recording is None or recording.is_whole(path) else RecordingFile(path, recording)
    raw = raw_samples(path) if part is None and ranged is None else None
    if raw is not None:
        options |= raw.options | {"format_whitelist": raw.format}
    options |= FAR_OPTIONS if far else {}
    left = seconds_left()
    container: InputContainer = av.open(
        part or (ranged.open(pieces) if ranged else file_url(path)),
        mode="r",
        format=raw.format if raw else None,
        options=options,
        metadata_errors="replace",
        hwaccel=hwaccel,
        buffer_size=_RANGED_BUFFER_BYTES if ranged else _BUFFER_BYTES,
        timeout=None if left is None else _CLOCK * left,
    )
    for stream in container.streams:
        if len(header := getattr(stream.codec_context, "extradata", None) or b"") > LEAST_BYTES:
            check_units(path.name, stream, header)
        if isinstance(stream.codec_context, AudioCodecContext | VideoCodecContext):
            stream.codec_context.options = DECODER_OPTIONS
        if isinstance(stream.codec_context, VideoCodecContext):
            stream.codec_context.thread_count = threads_within(decoded_bytes(stream.codec_context))
    return container


def decoded_bytes(context: Any) -> int:
    """Bytes of a frame that this codec context decodes, as far as it is known before."""
    pixel_format = context.format
    bits = pixel_format.padded_bits_per_pixel if pixel_format is not None else _UNKNOWN_BITS
    return frame_bytes(context.coded_width or context.width, context.coded_height or context.height, bits)


def exceeds_max_area(path: Path) -> bool:
    """Whether the decoder rejected frames because of their size. Only libavutil's log contains that reason."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as log, open_container(path):
            return any("max pixel count" in message for _, _, message in log)
    finally:
        av.logging.set_level(level)
