"""Write subtitles as Advanced SubStation Alpha (.ass), which libass draws.

The format is "Sub Station Alpha v4+ Scripts". Text that would be an instruction there stays text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from avflow.speech.subtitles import Cue, without_blank_lines

#: Height of a line as a share of the frame's height, and of its width: 42 columns, a whole line of a cue, then fit
#: between the margins.
_OF_HEIGHT, _OF_WIDTH = 0.06, 1 / 22
#: height of a line in pixels that is readable in small frames, and its largest share of a frame's height
_LEAST, _MOST_OF_HEIGHT = 18.0, 1 / 8
#: the outline as a share of the line's height; the margins: at the bottom of the frame's height, at the sides of its
#: width
_OUTLINE, _BOTTOM, _SIDES = 1 / 15, 0.04, 0.05
#: a mark without width, which keeps a backslash from the letter behind it: `\\N` would be a line break
_JOINER = "\N{WORD JOINER}"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: "Encoding" -1: each line has the direction of its first letter
_TEMPLATE = """\
[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, Italic, BorderStyle, Outline, Shadow, Alignment, \
MarginL, MarginR, MarginV, Encoding
Style: Default,{font},{size:.1f},&H00FFFFFF,&H00000000,0,0,1,{outline:.1f},0,2,{side},{side},{bottom},-1

[Events]
Format: Start, End, Style, Text
"""


def write(cues: Sequence[Cue], path: Path, size: tuple[int, int], font: str) -> None:
    """Write a file that shows each cue for one second, the first one from second 0: for one picture of each.

    The text is white with a black outline, at the bottom in the middle. Lines that are too wide are wrapped.

    Parameters
    ----------
    size:
        Width and height of the frames in pixels.
    font:
        The family of the font.
    """
    width, height = size
    line = max(min(_LEAST, height * _MOST_OF_HEIGHT), min(height * _OF_HEIGHT, width * _OF_WIDTH))
    head = _TEMPLATE.format(
        width=width,
        height=height,
        font=font,
        size=line,
        outline=max(1.0, line * _OUTLINE),
        side=round(width * _SIDES),
        bottom=round(height * _BOTTOM),
    )
    events = (
        f"Dialogue: {_time(number)},{_time(number + 1)},Default,{escaped(cue.text)}\n"
        for number, cue in enumerate(cues)
    )
    path.write_text(head + "".join(events), encoding="utf-8", errors="replace", newline="\n")


def escaped(text: str) -> str:
    r"""The text of a cue, of which nothing is an instruction. Only its line breaks become `\N`.

    >>> escaped("{b}") == r"\{b\}"
    True
    """
    lines = (_CONTROLS.sub(" ", line).strip() for line in without_blank_lines(text).split("\n"))
    return r"\N".join(
        line.replace("\\", "\\" + _JOINER).replace("{", r"\{").replace("}", r"\}") for line in lines if line
    )


def _time(second: int) -> str:
    return f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}.00"
