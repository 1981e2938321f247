"""What is special about the containers of uploads, and how an upload is told from a playlist or script.

Playlists and scripts make FFmpeg open other files and addresses, and some demuxers (ANSI art, subtitles, raw samples)
accept any text. `avflow.media.accepted` names the demuxers that are on.
"""

from __future__ import annotations

import re
from pathlib import Path

#: raw streams without a container: no timestamps, no index, valid wherever they are cut
RAW_STREAMS = frozenset({"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu", "yuv4mpegpipe"})
#: formats designed to be cut or joined at any packet: a missing tail is not an error
CUT_ANYWHERE = RAW_STREAMS | frozenset(
    {"mpegts", "mpeg", "dv", "mp3", "aac", "ac3", "eac3", "dts", "loas", "amr", "amrnb", "amrwb", "ogg", "live_flv"}
)
#: formats in which recordings may be joined, so that the timestamps jump
CLOCK_MAY_JUMP = frozenset({"mpegts", "mpeg"})
#: formats that store presentation timestamps only; FFmpeg guesses the decoding timestamps
PRESENTATION_TIMES_ONLY = frozenset({"matroska,webm", "nut", "avi"})
#: How far libavformat reads to find streams that appear late (`avflow.media.tracks.late`): bytes, which it keeps in
#: memory, and microseconds
FAR_OPTIONS = {"probesize": str(256 * 2**20), "analyzeduration": str(3600 * 1_000_000)}
#: HLS and other M3U, PLS, FFmpeg's concat and metadata scripts, DASH and other XML manifests, SMIL, SDP, RTSP.
#: Every repetition is possessive, so that no upload can make the search slow.
_PLAYLIST = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?:#EXTM3U|#EXT-X-|\[playlist\]|\[reference\]|ffconcat\s|;FFMETADATA"
    rb"|file\s++['\"\w/.~]|(?:rtsp|rtmp|https?|mms|file)://|v=0\r?\n"
    rb"|(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:MPD|SmoothStreamingMedia|CompositionPlaylist|smil|asx|playlist|manifest)\b)",
    re.IGNORECASE | re.DOTALL,
)


def file_url(path: Path) -> str:
    """The URL of a file for libavformat: absolute and with the protocol `file`, so that any characters are safe."""
    return f"file:{path.absolute()}"


def is_playlist(path: Path) -> bool:
    """Whether the first 4 KiB look like a playlist or script instead of media."""
    with path.open("rb") as file:
        return _PLAYLIST.match(file.read(4096)) is not None
