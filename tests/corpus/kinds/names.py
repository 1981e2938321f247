"""Names of uploads: alike, reserved, long, or with characters that mean something elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: bytes of the longest key (Amazon S3 User Guide, "Naming Amazon S3 objects"), and of the longest name of a file
LONGEST_KEY, LONGEST_NAME = 1024, 255


@dataclass(frozen=True)
class Upload:
    """One upload: its key without `start/`, and whether it is a film or a file that can't be processed."""

    key: str
    good: bool = True


@dataclass(frozen=True)
class NameCase:
    """Uploads into one bucket, one after another. Each must have its own manifest or error report at the end."""

    id: str
    what: str
    uploads: Sequence[Upload]


def _case(id: str, what: str, *keys: str | Upload) -> NameCase:
    uploads = [key if isinstance(key, Upload) else Upload(key) for key in keys]
    return NameCase(f"name-{id}", what, uploads)


def _bad(key: str) -> Upload:
    return Upload(key, good=False)


def _long(letter: str, suffix: str = ".mp4", most: int = LONGEST_NAME) -> str:
    """A name of as many bytes as there may be."""
    return letter * ((most - len(suffix)) // len(letter.encode())) + suffix


def _deep(name: str) -> str:
    """A key as long as S3 allows, with this name."""
    room = LONGEST_KEY - len("start/") - len(name.encode())
    folders = ("folder-of-twenty-12/" * (room // 20))[: room - 1].rstrip("/")
    return f"{folders}{'x' * (room - 1 - len(folders))}/{name}"


RESERVED = (
    _case("error-first", "`x.error.mp4`, then `x.mp4`", "x.error.mp4", "x.mp4"),
    _case("error-second", "`x.mp4`, then `x.error.mp4`", "x.mp4", "x.error.mp4"),
    _case("error-failed", "`x.error.mp4`, then `x.mp4` that can't be processed", "x.error.mp4", _bad("x.mp4")),
    _case("detections", "`x.detections.mp4` beside `x.mp4`", "x.mp4", "x.detections.mp4"),
    _case("json", "`x.json` and `x.srt` (both films) beside `x.mp4`", "x.mp4", "x.json", "x.srt"),
    _case("error-json", "`x.error.json.mp4` beside `x.error.mp4`", "x.error.mp4", "x.error.json.mp4", "x.mp4"),
)

ALIKE = (
    _case("two-suffixes", "`a.mp4` beside `a.mov`", "a.mp4", "a.mov"),
    _case("three-suffixes", "`a.mp4`, `a.mov` and `a`", "a.mp4", "a.mov", "a"),
    _case("suffixes-failed", "`a.mp4`, then `a.mov` that can't be processed", "a.mp4", _bad("a.mov")),
    _case("suffixes-failed-first", "`a.mp4` that can't be processed, then `a.mov`", _bad("a.mp4"), "a.mov"),
    _case("both-failed", "`a.mp4` and `a.mov`, neither can be processed", _bad("a.mp4"), _bad("a.mov")),
    _case("capitals", "`A.mp4` beside `a.mp4` and `a.MP4`", "A.mp4", "a.mp4", "a.MP4"),
    _case("accents", "`é` as one character and as two", "caf\u00e9.mp4", "cafe\u0301.mp4"),
    _case("folders", "one name in two folders", "one/a.mp4", "two/a.mp4", "a.mp4"),
    _case("dots", "`a.b.mp4` beside `a.mp4`, and `a..mp4`", "a.mp4", "a.b.mp4", "a..mp4"),
)

LONG = (
    _case("255", "a name of 255 bytes", _long("n")),
    _case("255-failed", "a name of 255 bytes, can't be processed", _bad(_long("n"))),
    _case("255-accents", "a name of 255 bytes in two-byte characters", _long("é")),
    _case("255-emoji", "a name of 253 bytes in four-byte characters", _long("🎬")),
    _case("255-two", "two names of 255 bytes that differ in the last letter", _long("n", "a.mp4"), _long("n", "b.mp4")),
    _case("1024", "a key of 1 024 bytes", _deep("a.mp4")),
    _case("1024-failed", "a key of 1 024 bytes, can't be processed", _bad(_deep("a.mp4"))),
    _case("1024-long", "a key of 1 024 bytes with a name of 255", _deep(_long("n"))),
    _case("1024-short-suffix", "a key of 1 024 bytes without a suffix", _deep("a")),
    _case("long-suffix", "a suffix of 200 bytes", "a." + "s" * 200),
)

CHARACTERS = (
    _case("escape", "escape codes of a terminal", "red\x1b[31m\x1b]0;title\x07.mp4"),
    _case("escape-failed", "escape codes of a terminal, can't be processed", _bad("red\x1b[31m\x9b2J\x07.mp4")),
    _case("newline", "a line feed, a tab, a carriage return", _bad("one\ntwo\tthree\r.mp4"), "one\ntwo.mp4"),
    _case("direction", "a character that turns the direction of writing", _bad("film\u202e4pm.mp4")),
    _case("dash", "a leading dash", "-rf.mp4", "--help.mp4"),
    _case("url", "characters of URLs", "100% #1? a&b+c=d.mp4", "a%20b.mp4"),
    _case("quotes", "quotes, dollars, backslashes", 'it\'s "$HOME" `id` \\n.mp4'),
    _case("spaces", "spaces at both ends", " a .mp4", "a.mp4"),
    _case("hidden", "a leading dot, only a suffix", ".mp4", ".film.mp4"),
    _case("pattern", "characters of FFmpeg's patterns and protocols", "film-%03d.mp4", "file:a.mp4", "concat:a|b.mp4"),
    _case("devices", "names of devices", "CON.mp4", "nul", "/dev/null.mp4"),
)

CASES = (*RESERVED, *ALIKE, *LONG, *CHARACTERS)
NAME = "Names"
RULE = "No result overwrites another's; each upload has its own manifest or error report, under a name that is valid."
