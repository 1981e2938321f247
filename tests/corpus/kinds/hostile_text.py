"""Playlists, scripts and other files that would make a program read other files, and files of two kinds at once."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

from tests.corpus.case import Kind
from tests.corpus.film import AAC, H264
from tests.corpus.kinds.hostile_common import NO_MEDIA, REFUSED, WHOLE, Make, case, film_bytes, spoiled, written

LINK = "file:///etc/passwd"
SCRIPTS = {
    "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{LINK}\n#EXT-X-ENDLIST\n",
    "m3u8-key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{LINK}"\n#EXTINF:5,\nhttp://127.0.0.1/a.ts\n',
    "m3u8-map": f'\ufeff\n #EXTM3U\n#EXT-X-MAP:URI="{LINK}"\n#EXTINF:5,\nconcat:a|b\n',
    "ffconcat": f"ffconcat version 1.0\nfile '{LINK}'\n",
    "concat": f"file '{LINK}'\nfile 'http://127.0.0.1/'\n",
    "ffmetadata": ";FFMETADATA1\ntitle=a\n[CHAPTER]\nSTART=0\nEND=1\n",
    "pls": f"[playlist]\nFile1={LINK}\nNumberOfEntries=1\n",
    "ref": f"[Reference]\nRef1={LINK}\n",
    "dash": f'<?xml version="1.0"?><MPD><Period><BaseURL>{LINK}</BaseURL></Period></MPD>',
    "smooth": '<SmoothStreamingMedia MajorVersion="2"/>',
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="x"/>',
    "smil": f'<smil><body><video src="{LINK}"/></body></smil>',
    "asx": f'<asx version="3"><entry><ref href="{LINK}"/></entry></asx>',
    "xspf": f'<?xml version="1.0"?><!-- a --><playlist><trackList><location>{LINK}</location></trackList></playlist>',
    "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
    "cue": 'FILE "/etc/passwd" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "rtsp": "rtsp://127.0.0.1/a\n",
    "http": "http://169.254.169.254/latest/meta-data/\n",
}
OTHERS = {
    "avisynth": 'AviSource("/etc/passwd")\n',
    "vapoursynth": "import os\nos.system('id')\n",
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\n<font face=/etc/passwd>a\n",
    "ass": "[Script Info]\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,,,0,0,0,,a\n",
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "svg": f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "{LINK}">]><svg>&x;</svg>',
    "xml-bomb": '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><z>&b;</z>',
    "html": "<html><script>fetch('http://127.0.0.1')</script></html>",
    "ansi": "\x1b[2J\x1b[31mHello\x1b[9999;9999H",
    "lavfi": "movie=/etc/passwd",
    "spaces": " " * 200_000 + "#EXTM3U\n",
}


def _zip_in_front(data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("film.mp4", b"x")
    return archive.getvalue() + data


def _polyglot(edit: Callable[[bytes], bytes]) -> Make:
    return spoiled("mp4", edit, H264, AAC)


CASES = (
    *(
        case(
            f"script-{name}",
            f"a playlist or script: {name}",
            written("film.mp4", text.encode()),
            "InvalidMediaPlaylist",
            quick=name in ("m3u8", "ffconcat"),
        )
        for name, text in SCRIPTS.items()
    ),
    *(
        case(
            f"text-{name}",
            f"text that FFmpeg has a demuxer or filter for: {name}",
            written("film.mp4", text.encode()),
            NO_MEDIA,
        )
        for name, text in OTHERS.items()
    ),
    case("gzip", "1 GB of zeros in gzip", written("film.mp4.gz", lambda: gzip.compress(bytes(50_000_000))), NO_MEDIA),
    case("zip-mp4", "an archive with a film behind it", _polyglot(_zip_in_front), REFUSED),
    case("mp4-zip", "a film with an archive behind it", _polyglot(lambda d: d + _zip_in_front(b"")), WHOLE),
    case(
        "mp4-html",
        "a film with a web page behind it",
        _polyglot(lambda d: d + b"<html><script>alert(1)</script>"),
        WHOLE,
    ),
    case("elf", "a program", written("film.mp4", b"\x7fELF\2\1\1" + bytes(5000)), NO_MEDIA),
    case("pdf", "a document", written("film.mp4", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"), NO_MEDIA),
    case(
        "mkv-in-mp4",
        "the first 2 000 bytes of Matroska in front of MP4",
        _polyglot(lambda d: film_bytes("mkv")[:2000] + d),
        REFUSED,
    ),
    case(
        "random",
        "random bytes",
        written("film.mp4", lambda: bytes(n * n * 31 >> 4 & 255 for n in range(300_000))),
        REFUSED,
    ),
    case("ff", "bytes that are all 255", written("film.mp4", b"\xff" * 300_000), REFUSED),
)

KIND = Kind(
    "Scripts, texts and files of two kinds",
    "Nothing in them is opened or run. The film in them comes out, or a named error.",
    CASES,
)
