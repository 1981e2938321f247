"""Lay out a transcript in readable subtitle cues, and write and read SubRip (.srt) files.

The limits follow broadcast practice (BBC Subtitle Guidelines; Netflix Timed Text Style Guide, General Requirements): a
cue has two lines of 42 characters at most, and breaks where the sentence pauses.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from avflow.errors import InvalidMediaUnreadable
from avflow.speech.transcript import Transcript, Word, join_words

#: columns of a line. A cue has one or two lines. Wide East Asian characters take two columns
LINE_WIDTH = 42
#: shortest duration of a cue, in seconds, unless the next cue begins earlier
MIN_SECONDS = 0.7
#: shortest duration of a cue in any case, in seconds: a shorter one can't be seen. The next cue then begins later
LEAST_SECONDS = 0.3
#: longest duration of a cue, in seconds, unless a single word takes longer
MAX_SECONDS = 7.0
#: readable characters per second. A cue stays on the screen in the silence after it to reach this
READING_SPEED = 17.0
#: a silence of this many seconds always ends the cue
LONG_PAUSE = 1.5
#: a shorter gap between two cues, in seconds, is closed: it would flicker
FLICKER = 0.25

_SENTENCE_END = tuple(".?!…。？！")
_CLAUSE_END = tuple(",;:—–،、，；：")
_CLOSING = "\"'”’»)]』」"
#: English words that belong to the next word: a line should not end with one
_LEANING = frozenset(
    word
    for words in (
        "a an the and or but nor so if that which who when while because as of to in on at by for with from",
        "into about than my your his her its our their this these those i you he she it we they is are was",
        "were be been have has had do does did will would can could shall should may might must not no",
    )
    for word in words.split()
)
_MAX_WORDS = 60
_BLOCK = re.compile(r"\d+\n{time} --> {time}\n(.*)".replace("{time}", r"(\d+):(\d\d):(\d\d),(\d{3})"), re.DOTALL)


@dataclass(frozen=True)
class Cue:
    """The text on the screen from `start` to `end` (seconds): one or two lines, separated by a newline."""

    start: float
    end: float
    text: str


def cues(transcript: Transcript) -> list[Cue]:
    """Lay out a transcript in cues.

    Every word occurs once and in order. The cues do not overlap, lie within the transcript's duration, and use whole
    milliseconds. A word wider than a line has a cue of its own and is not broken: a player wraps it, and an address or
    a file name stays the same.
    """
    return [cue for cue, _ in spoken(transcript)]


def spoken(transcript: Transcript) -> list[tuple[Cue, Sequence[Word]]]:
    """The cues as `cues` lays them out, each with its words."""
    words = transcript.words
    groups = _split(words, transcript.duration)
    times = _times(groups, transcript.duration)
    return [
        (Cue(start / 1000, end / 1000, "\n".join(join_words(line) for line in _lines(group))), group)
        for group, (start, end) in zip(groups, times, strict=True)
    ]


def width(text: str) -> int:
    """The columns of a text. Wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


# ---------------------------------------------------------------- which words share a cue
def _split(words: Sequence[Word], duration: float) -> list[Sequence[Word]]:
    """The division into cues with the least cost, by dynamic programming over the place of the last cut."""
    best, cut = [0.0] + [math.inf] * len(words), [0] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        until = words[end].start if end < len(words) else duration
        for start in range(end - 1, max(-1, end - 1 - _MAX_WORDS), -1):
            group = words[start:end]
            lines = _lines(group)
            if len(group) > 1 and not _fits(group, lines):
                break
            cost = best[start] + _cue_cost(group, lines, until)
            if cost < best[end]:
                best[end], cut[end] = cost, start
    groups: list[Sequence[Word]] = []
    end = len(words)
    while end:
        groups.append(words[cut[end] : end])
        end = cut[end]
    return groups[::-1]


def _fits(group: Sequence[Word], lines: Sequence[Sequence[Word]]) -> bool:
    """Whether the words may share a cue. If not, no longer group with the same end may, either."""
    if group[-1].end - group[0].start > MAX_SECONDS or group[1].start - group[0].end >= LONG_PAUSE:
        return False
    return all(width(join_words(line)) <= LINE_WIDTH for line in lines)


def _cue_cost(group: Sequence[Word], lines: Sequence[Sequence[Word]], until: float) -> float:
    """The cost of these words as one cue, which may stay until second `until`. Poor readability costs more."""
    columns = width(join_words(group))
    seconds = min(max(until, group[-1].end) - group[0].start, MAX_SECONDS)
    cost = 3.0 + _cut_cost(group[-1], until - group[-1].end) + _tear_cost(group[0])
    if seconds < MIN_SECONDS:
        cost += 20.0
    cost += max(0.0, columns - READING_SPEED * max(seconds, 0.1)) * 0.2
    if len(lines) > 1:
        cost += 1.0 + 0.3 * _cut_cost(lines[0][-1], 0.0)
    # A sentence should end with its cue: the cue should not also begin the next sentence.
    cost += sum(1.5 for word in group[:-1] if ends_sentence(word))
    return cost + sum(2.0 * max(0.0, after.start - word.end - 0.3) for word, after in pairwise(group))


def _cut_cost(word: Word, pause: float) -> float:
    """The cost of a cut after this word. `pause` is the silence after it, in seconds."""
    if ends_sentence(word):
        return 0.0
    if word.text.rstrip(_CLOSING).endswith(_CLAUSE_END):
        return 1.0
    cost = 7.0 if word.text.lower() in _LEANING else 4.0
    return cost - min(3.0, 6.0 * max(0.0, pause))


def _tear_cost(word: Word) -> float:
    """The cost of a line that starts with this word. In scripts with spaces, `-known` belongs to `well` before it."""
    return 20.0 if word.joined and width(word.text) == len(word.text) else 0.0


def ends_sentence(word: Word) -> bool:
    """Whether a sentence ends with this word."""
    return word.text.rstrip(_CLOSING).endswith(_SENTENCE_END)


# ---------------------------------------------------------------- lines of a cue
def _lines(group: Sequence[Word]) -> list[Sequence[Word]]:
    """One line if the words fit, else two: cut preferably at punctuation and into halves of equal width."""
    total = width(join_words(group))
    if total <= LINE_WIDTH or len(group) == 1:
        return [group]
    first, costs = 0, []
    for index in range(1, len(group)):
        first += width(group[index - 1].text) + (0 if index == 1 or group[index - 1].joined else 1)
        second = total - first - (0 if group[index].joined else 1)
        overflow = max(0, first - LINE_WIDTH) + max(0, second - LINE_WIDTH)
        reading = _cut_cost(group[index - 1], 0.0) + _tear_cost(group[index])
        costs.append((100.0 * overflow + 0.15 * abs(first - second) + reading, index))
    cut = min(costs)[1]
    return [group[:cut], group[cut:]]


# ---------------------------------------------------------------- times
def _times(groups: Sequence[Sequence[Word]], duration: float) -> list[tuple[int, int]]:
    """The start and end of each cue in milliseconds: in order, without overlap, not too short, within the duration.

    In a duration that is too short for all cues they share it.
    """
    whole = int(duration * 1000)
    if whole / 1000 > duration:  # 10.850999999999999 * 1000 is 10851.0
        whole -= 1
    last = max(whole, len(groups))
    least = min(round(1000 * LEAST_SECONDS), last // max(1, len(groups)))
    starts: list[int] = []
    for group in groups:
        starts.append(max(round(group[0].start * 1000), starts[-1] + least if starts else 0))
    limit = last
    for index in reversed(range(len(groups))):
        limit = starts[index] = min(starts[index], limit - least)
    limits = [*starts, last][1:]
    return [(start, _end(group, start, limit)) for group, start, limit in zip(groups, starts, limits, strict=True)]


def _end(group: Sequence[Word], start: int, limit: int) -> int:
    spoken = max(round(group[-1].end * 1000), start + 1)
    readable = start + round(1000 * max(MIN_SECONDS, width(join_words(group)) / READING_SPEED))
    end = max(spoken, min(readable, start + round(1000 * MAX_SECONDS)))
    return limit if end + FLICKER * 1000 > limit else end


# ---------------------------------------------------------------- SubRip
def write(laid_out: Sequence[Cue], path: Path) -> None:
    """Write a SubRip file: UTF-8 without a byte order mark, lines ended by LF.

    SubRip comes from Windows and used CRLF, but every current player reads LF, and LF suits git, diff and grep. Without
    cues the file is empty: a valid SubRip file without subtitles. The project uses no library for this: `srt` has no
    wheel, and pysubs2 reads the file name `C:\\New` as a line break.
    """
    blocks = (
        f"{index}\n{timestamp(cue.start)} --> {timestamp(cue.end)}\n{without_blank_lines(cue.text)}\n\n"
        for index, cue in enumerate(laid_out, 1)
    )
    path.write_text("".join(blocks), encoding="utf-8", newline="\n")


def read(path: Path) -> list[Cue]:
    """Read a SubRip file back.

    Raises
    ------
    InvalidMediaUnreadable
        The file is not a SubRip file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").strip("\n")
        return [_cue(block) for block in re.split(r"\n{2,}", text) if block]
    except ValueError as error:  # UnicodeDecodeError is one
        raise InvalidMediaUnreadable(
            f"{path.name} is not a SubRip file: {error}", "Write it again with avflow.speech.subtitles.write."
        ) from error


def _cue(block: str) -> Cue:
    found = _BLOCK.fullmatch(block)
    if not found:
        raise ValueError(f"{block.splitlines()[0]!r} is not a number, two times and a text")
    *times, text = found.groups()
    return Cue(_seconds(times[:4]), _seconds(times[4:]), text)


def _seconds(time: Sequence[str]) -> float:
    hours, minutes, seconds, milliseconds = map(int, time)
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds) / 1000


def timestamp(seconds: float, separator: str = ",") -> str:
    """A time as `hh:mm:ss,mmm`."""
    left, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, left = divmod(left, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{left:02}{separator}{milliseconds:03}"


def without_blank_lines(text: str) -> str:
    """The text without blank lines, which would end the block, and with LF alone at the end of a line."""
    return re.sub(r"[\r\n]+", "\n", text.strip("\r\n"))
