"""Write subtitles as WebVTT (.vtt), which browsers show with a video.

The sections are those of W3C's "WebVTT: The Web Video Text Tracks Format".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avflow.speech.subtitles import Cue, timestamp, without_blank_lines

#: What would be markup in a cue's text (section 4.2.2, "WebVTT cue text span"), `>` also because of `-->`; and U+0000,
#: which a parser replaces too (section 6.1)
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\N{REPLACEMENT CHARACTER}"})


def write(laid_out: Sequence[Cue], path: Path) -> None:
    """Write a WebVTT file with the cues of the SubRip file: UTF-8, lines ended by LF; a header alone without cues."""
    blocks = (f"\n{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{_text(cue.text)}\n" for cue in laid_out)
    path.write_text("WEBVTT\n" + "".join(blocks), encoding="utf-8", newline="\n")


def _text(text: str) -> str:
    return without_blank_lines(text).translate(_ESCAPED)
