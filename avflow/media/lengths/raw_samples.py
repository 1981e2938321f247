"""Sound files whose header hides samples: FFmpeg reads them as raw samples.

FFmpeg refuses AU, AIFF, Wave64 and RF64 files of size 0 or -1, and ends where the header says that the samples end.
What a dead recorder left is there nevertheless.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from avflow.media.clock.recordings import Recording, RecordingFile
from avflow.media.lengths import sound_headers


@dataclass(frozen=True)
class RawSamples:
    """How to read a file as raw samples: FFmpeg's name of the format, and its options."""

    #: FFmpeg's name of the demuxer that the file was written for
    container: str
    format: str
    options: dict[str, str]


def raw_samples(path: Path) -> RawSamples | None:
    """How to read a sound file that FFmpeg would not read to its end; None if it would."""
    if not path.is_file():  # FFmpeg names a missing file
        return None
    whole = Recording(0, path.stat().st_size)
    with cast("BinaryIO", RecordingFile(path, whole)) as file:
        found = sound_headers.samples(file)
        if found is None or not found.format or not found.rate or not found.channels:
            return None
        if found.end is not None:
            file.seek(min(found.end, path.stat().st_size))
            after = file.read(16)
    rest = path.stat().st_size - (found.end or 0)
    if found.end is None:
        hidden = not found.open_end
    else:
        # at least a second of sound after the announced end, and no further chunk, whose name is printable
        chunk = any(all(32 <= byte < 127 for byte in after[at : at + 4]) for at in (0, 1))
        hidden = rest >= max(16, found.bytes_per_second) and not chunk
    if not hidden:
        return None
    options = {
        "sample_rate": str(found.rate),
        "ch_layout": f"{found.channels}c",
        "skip_initial_bytes": str(found.start),
    }
    return RawSamples(found.container, found.format, options)
