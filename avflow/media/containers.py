"""The containers that av-workflow accepts.

FFmpeg has about 370 demuxers. Playlists and scripts make it open other files and addresses, and some demuxers (ANSI
art, subtitles, raw samples) accept any text. An allowlist therefore names the accepted demuxers.
"""

from __future__ import annotations

import re
from pathlib import Path

#: raw streams without a container: no timestamps, no index, valid wherever they are cut
RAW_STREAMS = frozenset(
    {"h264", "hevc", "vvc", "m4v", "mpegvideo", "mjpeg", "mjpeg_2000", "obu", "vc1", "cavsvideo", "dirac", "h261"}
    | {"h263", "yuv4mpegpipe", "dnxhd", "evc"}
)
#: formats designed to be cut or joined at any packet: a missing tail is not an error
CUT_ANYWHERE = RAW_STREAMS | frozenset(
    {"mpegts", "mpeg", "dv", "mp3", "aac", "ac3", "eac3", "dts", "truehd", "loas", "amr", "amrnb", "amrwb", "ogg"}
    | {"live_flv"}
)
#: formats in which recordings may be joined, so that the timestamps jump
CLOCK_MAY_JUMP = frozenset({"mpegts", "mpeg"})
#: formats that store presentation timestamps only; FFmpeg guesses the decoding timestamps
PRESENTATION_TIMES_ONLY = frozenset({"matroska,webm", "nut", "avi"})
#: accepted containers, by the names of FFmpeg's demuxers
CONTAINERS = CUT_ANYWHERE | frozenset(
    {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "avi", "flv", "asf", "asf_o", "mxf", "gxf", "nut", "rm", "ivf", "gif"}
    | {"wtv", "swf", "nsv", "ty", "dhav", "av1", "wav", "w64", "aiff", "caf", "au", "flac", "wv", "ape", "tta", "tak"}
)
#: value of libavformat's option `format_whitelist`
FORMAT_WHITELIST = ",".join(sorted(CONTAINERS))
#: How far libavformat reads to find streams that appear late (`avflow.media.tracks.late`): bytes, which it keeps in
#: memory, and microseconds
FAR_OPTIONS = {"probesize": str(256 * 2**20), "analyzeduration": str(3600 * 1_000_000)}
#: value of libavformat's option `protocol_whitelist` for reading an upload
PROTOCOL_WHITELIST = "file"

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
