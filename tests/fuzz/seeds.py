"""The good files that are spoiled: a second of film or sound in each container, and hostile ones that are small."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.corpus import film
from tests.corpus.kinds import HOSTILE
from tests.corpus.kinds.common import FRAGMENTS
from tests.corpus.kinds.hostile_common import SHORT, film_bytes

#: suffix, video, audio, options
_FILMS = (
    ("mp4", film.H264, film.AAC),
    ("mkv", film.H264, film.OPUS),
    ("webm", film.VP9, film.OPUS),
    ("avi", film.MPEG4, film.MP3),
    ("mov", film.MJPEG, film.PCM),
    ("flv", film.FLV1, film.MP3),
    ("ts", film.MPEG2, film.MP2),
    ("mpg", film.MPEG2, film.MP2),
    ("ogg", film.THEORA, film.VORBIS),
    ("wmv", ("-c:v", "wmv2"), ("-c:a", "wmav2")),
    ("mxf", film.MPEG2, ("-c:a", "pcm_s16le", "-ar", "48000")),
    ("nut", ("-c:v", "ffv1"), film.FLAC),
    ("wav", None, film.PCM),
    ("flac", None, film.FLAC),
    ("mp3", None, film.MP3),
    ("aac", None, film.AAC),
    ("aiff", None, ("-c:a", "pcm_s16be")),
    ("caf", None, film.PCM),
    ("au", None, ("-c:a", "pcm_s16be")),
    ("wv", None, ("-c:a", "wavpack")),
    ("gif", ("-c:v", "gif"), None),
)
#: bytes of the largest hostile file that is a seed
_LARGEST = 20_000


def seeds(*, hostile: bool) -> list[tuple[str, bytes]]:
    """Suffixes and contents. With `hostile`, those of the small hostile cases too: that takes some seconds."""
    found = [(suffix, film_bytes(suffix, video, audio)) for suffix, video, audio in _FILMS]
    with tempfile.TemporaryDirectory() as folder:
        path = film.record(Path(folder) / "film.mp4", SHORT, film.H264, film.AAC, *FRAGMENTS)
        found.append(("mp4", path.read_bytes()))
        for number, case in enumerate(HOSTILE if hostile else ()):
            own = Path(folder) / str(number)
            own.mkdir()
            if not case.id.startswith(_SLOW):
                content = case.make(own)
                if content.stat().st_size <= _LARGEST:
                    found.append((content.suffix[1:], content.read_bytes()))
    return found


#: cases whose files take long to make, or are large anyway
_SLOW = tuple(
    f"hostile-{name}"
    for name in ("refs", "ffv1", "png", "black", "silence", "mpeg4", "cmov", "flac-day", "amr", "sps", "h264-sizes")
)
