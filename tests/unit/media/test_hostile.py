"""Hostile and damaged uploads: nothing else is opened, and the error says what is wrong."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest

from avflow.errors import (
    InvalidMediaEmpty,
    InvalidMediaPlaylist,
    InvalidMediaUnreadable,
)
from avflow.ffmpeg import convert
from avflow.media import conversion_reasons, probe
from avflow.media.accepted import DEMUXERS
from avflow.media.containers import is_playlist
from avflow.media.lengths.announced import announced
from avflow.video.frames import view
from avflow.video.reader import VideoReader
from tests.media_samples import H264, ffmpeg, lavfi, pattern, tone
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
PCM = ("-c:v", "mpeg4", "-c:a", "pcm_s16le")
KINDS = {
    "v.mkv": H264,
    "v.webm": ("-c:v", "libvpx", "-c:a", "libopus"),
    "v.mp4": H264,
    "fast.mp4": (*H264, "-movflags", "+faststart"),
    "v.mov": H264,
    "v.avi": PCM,
    "v.flv": H264,
}


class Listener:
    """A server that only counts connections."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._socket.accept()[0].close()
            except TimeoutError:
                continue
            self.connections += 1

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


def opened(path: Path) -> bool:
    """Whether any process has opened the named pipe `path` for reading."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "hls after blanks": "\n \n#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": (
        '<?xml version="1.0"?>\n<!-- x -->\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 1 RTP/AVP 96\n",
    "pls": "[playlist]\nFile1={target}\n",
    "metadata": ";FFMETADATA1\ntitle=x\n",
    "address": "{target}\n",
}


@pytest.mark.parametrize("script", PLAYLISTS)
@pytest.mark.parametrize("name", ["movie.mp4", "movie.m3u8"])
def test_playlists_are_refused_and_open_nothing(tmp_path, script, name):
    secret = tmp_path / "secret.ts"
    os.mkfifo(secret)
    path = tmp_path / name
    with Listener() as server:
        for target in (f"http://127.0.0.1:{server.port}/secret.ts", f"file://{secret}"):
            path.write_text(PLAYLISTS[script].format(target=target))
            with pytest.raises(InvalidMediaPlaylist, match=name):
                probe(path)
            assert not opened(secret)
    assert server.connections == 0


@pytest.mark.parametrize("script", ["hls", "concat", "dash"])
def test_undetected_playlists_stay_harmless(tmp_path, monkeypatch, script):
    """The demuxer allowlist alone protects against kinds of playlists that `is_playlist` doesn't know."""
    monkeypatch.setattr("avflow.media.probing.is_playlist", lambda path: False)
    path = tmp_path / "movie.m3u8"
    with Listener() as server:
        path.write_text(PLAYLISTS[script].format(target=f"http://127.0.0.1:{server.port}/secret.ts"))
        with pytest.raises(InvalidMediaUnreadable):
            probe(path)
    assert server.connections == 0


@pytest.mark.parametrize(
    "content",
    [
        b"<!---->" * 580,
        b"<!--" * 1000,
        b"<!-- -- -->" * 370,
        b" " * 4096,
        b"<?xml " + b"> " * 2000,
        b"file" + b" " * 4000,
    ],
    ids=lambda content: content[:8].decode(),
)
def test_the_playlist_search_takes_linear_time(tmp_path, content):
    """A backtracking pattern would practically never finish."""
    path = tmp_path / "movie.mp4"
    path.write_bytes(content + bytes(100))
    script = "import sys; from pathlib import Path; from avflow.media.containers import is_playlist\n"
    script += "print(is_playlist(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", script, path],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
    )
    assert done.stdout == "False\n"


def test_a_manifest_after_many_comments_is_detected(tmp_path):
    (tmp_path / "movie.mp4").write_bytes(b'<?xml version="1.0"?>\n' + b"<!-- - -->\n<!---->" * 200 + b"<MPD>")
    assert is_playlist(tmp_path / "movie.mp4")


VOID = b"\xec\x80"
EBML = b"\x1a\x45\xdf\xa3\x80"
FREE = b"\x00\x00\x00\x08free"
EMPTY_RIFF = b"RIFF\x04\x00\x00\x00AVI "
# each announces 4 bytes that the file lacks
SEGMENT = b"\x18\x53\x80\x67\x84"
MDAT = b"\x00\x00\x00\x0cmdat"
CUT_RIFF = b"RIFF\x08\x00\x00\x00AVI "


@pytest.mark.parametrize(
    ("begin", "element", "end"),
    [(EBML, VOID, SEGMENT), (FREE, FREE, MDAT), (EMPTY_RIFF, EMPTY_RIFF, CUT_RIFF)],
    ids=["EBML", "ISO BMFF", "RIFF"],
)
def test_a_container_with_too_many_elements_is_not_read_to_the_end(tmp_path, begin, element, end):
    path = tmp_path / "v"
    path.write_bytes(begin + element * 1_000 + end)
    assert announced(path).cut
    path.write_bytes(begin + element * 1_000_000 + end)
    assert not announced(path).cut


def test_no_accepted_demuxer_opens_other_files():
    assert not DEMUXERS & {"hls", "dash", "concat", "concatf", "ffmetadata", "image2", "imf", "sdp", "tty", "lavfi"}


@pytest.mark.parametrize(
    "content",
    [
        b"Dear all,\nhere is the video I promised.\n" * 200,
        b"\x1b[1;31mANSI art\x1b[0m\n" * 100,
        b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
        b"PK\x03\x04" + bytes(4000),
        b"%PDF-1.4\n" + bytes(4000),
        b"#!/bin/sh\nexit 0\n",
        bytes(10_000),
        b"x",
    ],
)
@pytest.mark.parametrize("name", ["movie.mp4", "movie.txt", "movie.ans"])
def test_files_that_are_not_media(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidMediaUnreadable, match=name):
        probe(tmp_path / name)


def test_an_empty_file(tmp_path):
    (tmp_path / "v.mp4").touch()
    with pytest.raises(InvalidMediaEmpty, match=r"v\.mp4 has 0 bytes"):
        probe(tmp_path / "v.mp4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    for name, codecs in KINDS.items():
        ffmpeg(*lavfi(pattern(2), tone(2)), *codecs, directory / name)
    ffmpeg(*lavfi(tone(2)), directory / "s.wav")
    return directory


@pytest.mark.parametrize(
    "content",
    [
        bytes.fromhex("1a45dfa301fffffffffffffe") + bytes(64),
        bytes.fromhex("1a45dfa3") + bytes(72),
        bytes.fromhex("1a45dfa380ec01fffffffffffffe") + bytes(64),
        b"\x00\x00\x00\x01ftyp" + b"\xff" * 8 + bytes(64),
        b"RIFF\xfe\xff\xff\xffWAVE" + bytes(64),
    ],
    ids=["EBML", "EBML without a length", "EBML void", "box", "RIFF"],
)
def test_a_length_beyond_any_file_is_an_unreadable_file(tmp_path, content):
    (tmp_path / "v.mkv").write_bytes(content)
    with pytest.raises(InvalidMediaUnreadable, match=r"v\.mkv"):
        probe(tmp_path / "v.mkv")


@pytest.fixture(scope="module")
def growing(tmp_path_factory):
    """Ten frames: nine are black, 64x64. One is white, and slightly larger than the pipeline accepts."""
    path = tmp_path_factory.mktemp("growing") / "v.mov"
    png = ("-frames:v", "1", "-c:v", "png", "-pix_fmt", "gray", "-f", "image2pipe", "-")
    small, huge = (ffmpeg(*lavfi(f"color={source}"), *png) for source in ("black:s=64x64", "white:s=8200x8200"))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "gray"
        for number in range(10):
            packet = av.Packet(huge if number == 5 else small)
            packet.stream, packet.is_keyframe, packet.time_base = stream, True, Fraction(1, 25)
            packet.pts = packet.dts = number
            container.mux(packet)
    return path


def brightness(path):
    video = probe(path).video
    assert video is not None
    with VideoReader(path, video) as frames:
        return [round(float(view(frame, video).luma.mean())) for frame in frames]


def test_a_single_huge_frame_is_not_decoded(growing, tmp_path):
    assert brightness(growing) == [16] * 10
    convert(growing, probe(growing), tmp_path / "v.avi")
    assert brightness(tmp_path / "v.avi") == [16] * 10


@pytest.mark.parametrize("options", [("-f", "matroska"), ("-f", "mp4", "-movflags", "frag_keyframe+empty_moov")])
def test_a_live_recording_without_sizes_is_not_truncated(tmp_path, options):
    content = ffmpeg(*lavfi(pattern(2), tone(2)), *H264, *options, "-")
    (tmp_path / "live").write_bytes(content)
    assert probe(tmp_path / "live").duration == pytest.approx(2, abs=0.1)


def test_bytes_after_the_end_are_ignored(whole, tmp_path):
    for name in ("v.mp4", "v.avi", "s.wav"):
        (tmp_path / name).write_bytes((whole / name).read_bytes() + b"appended by another program")
        assert probe(tmp_path / name).duration == pytest.approx(2, abs=0.1)


def test_a_wrong_duration_in_the_header_is_ignored(whole, tmp_path):
    matroska = bytearray((whole / "v.mkv").read_bytes())
    duration = matroska.index(b"\x44\x89\x88") + 3  # EBML Duration, a double of milliseconds
    assert struct.unpack(">d", matroska[duration : duration + 8])[0] == pytest.approx(2000, abs=100)
    matroska[duration : duration + 8] = struct.pack(">d", 3_600_000.0)
    (tmp_path / "v.mkv").write_bytes(matroska)

    mp4 = bytearray((whole / "v.mp4").read_bytes())
    movie_header = mp4.index(b"mvhd") + 20  # after the version, two times and the time scale
    mp4[movie_header : movie_header + 4] = (3_600_000).to_bytes(4)
    (tmp_path / "v.mp4").write_bytes(mp4)

    for name in ("v.mkv", "v.mp4"):
        media = probe(tmp_path / name)
        assert media.duration == pytest.approx(2, abs=0.1)
        assert media.video is not None
        assert media.video.frames == 50
        assert conversion_reasons(media) == ()
