"""How a transcript is laid out in subtitles."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avflow.errors import InvalidMediaUnreadable
from avflow.speech import Transcript, Utterance, Word
from avflow.speech.subtitles import LEAST_SECONDS, LINE_WIDTH, MAX_SECONDS, MIN_SECONDS, Cue, cues, read, width, write

JFK = (
    "And@0.0-0.76 so@0.76-1.06 my@1.06-1.46 fellow@1.46-1.76 Americans,@1.76-2.38 ask@3.72-3.88 not@3.88-4.6 "
    "what@4.6-5.7 your@5.7-6.02 country@6.02-6.36 can@6.36-6.76 do@6.76-7.02 for@7.02-7.26 you,@7.26-8.02 "
    "ask@8.3-8.66 what@8.66-8.96 you@8.96-9.28 can@9.28-9.5 do@9.5-9.72 for@9.72-9.92 your@9.92-10.24 "
    "country.@10.24-10.5"
)


def timed(text: str, duration: float) -> Transcript:
    words = [part.split("@") for part in text.split()]
    return transcript([Word(*map(float, times.split("-")), word) for word, times in words], duration)


def spoken(text: str, seconds: float = 0.3, after: float = 2.0) -> Transcript:
    """Words of equal length, one after another."""
    words = [Word(i * seconds, (i + 1) * seconds, word) for i, word in enumerate(text.split())]
    return transcript(words, len(words) * seconds + after)


def transcript(words: list[Word], duration: float) -> Transcript:
    return Transcript((Utterance(tuple(words)),) if words else (), duration, "en")


# ---------------------------------------------------------------- layout
def test_the_sample_reads_as_it_is_spoken() -> None:
    assert cues(timed(JFK, 11.006)) == [
        Cue(0.0, 2.38, "And so my fellow Americans,"),
        Cue(3.72, 10.5, "ask not what your country can do for you,\nask what you can do for your country."),
    ]


def test_lines_and_cues_end_at_punctuation() -> None:
    text = (
        "It was a bright cold day in April, and the clocks were striking thirteen. "
        "Winston Smith slipped quickly through the glass doors of Victory Mansions."
    )
    assert [cue.text for cue in cues(spoken(text))] == [
        "It was a bright cold day in April,\nand the clocks were striking thirteen.",
        "Winston Smith slipped quickly through\nthe glass doors of Victory Mansions.",
    ]


def test_without_punctuation_no_line_ends_on_a_word_that_leans_on_the_next() -> None:
    text = "it was a bright cold day in april and the clocks were striking thirteen as we walked into the garden again"
    lines = [line for cue in cues(spoken(text)) for line in cue.text.splitlines()]
    assert not [line for line in lines if line.split()[-1] in {"a", "the", "and", "in", "as", "into", "we", "were"}]


def test_a_long_pause_parts_two_cues() -> None:
    assert [cue.text for cue in cues(timed("Well@0-0.5 yes@4-4.5", 6))] == ["Well", "yes"]


def test_a_short_word_stays_long_enough_to_be_read() -> None:
    assert cues(timed("No!@1-1.2", 10)) == [Cue(1.0, 1.0 + MIN_SECONDS, "No!")]


def test_a_cue_lingers_in_the_silence_after_fast_speech_only() -> None:
    fast = cues(spoken("Extraordinarily complicated considerations notwithstanding", 0.25, after=9))[-1]
    assert fast.end - fast.start == pytest.approx(len(fast.text) / 17, abs=0.01)
    slow = cues(spoken("Oh my", 1.4, after=9))[-1]
    assert slow.end == 2.8


def test_a_cue_never_lingers_beyond_the_end_or_into_the_next() -> None:
    assert cues(timed("No!@9.6-10.0", 10.0)) == [Cue(9.6, 10.0, "No!")]
    first, second = cues(timed("Incomprehensibilities.@0-0.3 Yes.@2.0-2.5", 4))
    assert (first.end, second.start) == (pytest.approx(22 / 17, abs=0.001), 2.0)


def test_no_cue_is_too_short_to_be_seen() -> None:
    assert cues(timed("No!@9.9-10.0", 10.0)) == [Cue(9.7, 10.0, "No!")], "it begins earlier at the end"
    wide = "https://example.org/" + "x" * 60
    laid_out = cues(timed(f"{wide}@1-1.02 {wide}@1.02-1.05 {wide}@1.05-1.1 Yes.@5-6", 10))
    assert [cue.start for cue in laid_out] == [1.0, 1.3, 1.6, 5.0]
    assert all(cue.end - cue.start >= LEAST_SECONDS - 1e-9 for cue in laid_out)


def test_a_flicker_between_two_cues_is_closed() -> None:
    text = "The first sentence is long enough to stand alone in its own cue. " * 2
    first, second = cues(spoken(text))
    assert first.end == second.start


def test_a_word_wider_than_a_line_stays_whole() -> None:
    address = "https://example.org/" + "x" * 60
    assert [cue.text for cue in cues(spoken(f"See {address} please"))] == ["See", address, "please"]


def test_wide_characters_count_twice() -> None:
    said = "明日も晴れるといいのですが、天気予報によると午後から雨が降るそうです。"
    words = [Word(i * 0.15, i * 0.15 + 0.15, char, joined=True) for i, char in enumerate(said)]
    assert [cue.text for cue in cues(transcript(words, 9))] == [
        "明日も晴れるといいのですが、\n天気予報によると午後から雨が降るそうです。"
    ]


def test_a_hyphenated_word_is_not_torn() -> None:
    text = "it is a state -of -the -art machine for every one of the many state -of -the -art kitchens"
    words = [Word(i * 0.3, i * 0.3 + 0.3, word, joined=word[0] == "-") for i, word in enumerate(text.split())]
    assert "\n-" not in "\n".join(cue.text for cue in cues(transcript(words, 9)))


def test_no_speech_gives_no_cues() -> None:
    assert cues(Transcript((), 11.0)) == []


# ---------------------------------------------------------------- properties of every transcript
@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    letters = st.text(st.sampled_from("abcdefgHIJ-.,!?'äß語日0123"), min_size=1, max_size=12)
    texts = draw(st.lists(letters | st.just("z" * 60) | st.just("the"), max_size=80))
    now, words = draw(st.floats(0, 5)), []
    for text in texts:
        end = now + draw(st.sampled_from([0.0, 0.001, 0.05, 0.3, 0.3, 0.9, 9.0]))
        words.append(Word(now, end, text, joined=draw(st.booleans())))
        now = end + draw(st.sampled_from([0.0, 0.0, 0.0, 0.04, 0.3, 1.0, 5.0]))
    return transcript(words, (words[-1].end if words else 0) + draw(st.sampled_from([0.0, 0.0, 0.2, 30.0])))


@settings(max_examples=150)
@given(transcripts())
@example(transcript([Word(0, 0, "a.")] * 3, 0.0))
@example(transcript([Word(0, 10.850999999999999, "long.")], 10.850999999999999))
@example(transcript([Word(3, 3, "all."), Word(3, 3, "at."), Word(3, 3, "once.")], 3.0))
def test_every_word_is_there_once_in_order_and_in_time(spoken_words: Transcript) -> None:
    laid_out = cues(spoken_words)
    assert "".join("".join(cue.text for cue in laid_out).split()) == "".join(word.text for word in spoken_words.words)
    for cue in laid_out:
        assert 0 <= cue.start < cue.end
        least = min(LEAST_SECONDS, int(spoken_words.duration * 1000 / len(laid_out)) / 1000 - 0.001)
        assert cue.end - cue.start >= least - 1e-9
        lines = cue.text.splitlines()
        assert len(lines) <= 2
        assert all(width(line) <= LINE_WIDTH for line in lines) or len(cue.text.split()) == 1
    assert all(before.end <= after.start for before, after in pairwise(laid_out))
    # cues of less than a millisecond each can't be separated
    assert not laid_out or laid_out[-1].end <= max(spoken_words.duration, len(laid_out) / 1000)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["word", "the", "and", "sentence.", "clause,", "international"]), max_size=120))
def test_ordinary_speech_is_neither_hasty_nor_endless(words: list[str]) -> None:
    for cue in cues(spoken(" ".join(words))):
        assert MIN_SECONDS - 0.001 <= cue.end - cue.start <= MAX_SECONDS + 0.26


# ---------------------------------------------------------------- SubRip
def test_a_file_is_written_and_read_back(tmp_path: Path) -> None:
    laid_out = [Cue(0.0, 2.38, "Ça va, “Zoë”?"), Cue(3.72, 3663.005, "はい。\n- Yes")]
    write(laid_out, tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_bytes() == (
        "1\n00:00:00,000 --> 00:00:02,380\nÇa va, “Zoë”?\n\n2\n00:00:03,720 --> 01:01:03,005\nはい。\n- Yes\n\n"
    ).encode()
    assert read(tmp_path / "a.srt") == laid_out


@settings(max_examples=50)
@given(transcripts())
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, said: Transcript) -> None:
    path = tmp_path_factory.mktemp("srt") / "a.srt"
    write(cues(said), path)
    assert read(path) == cues(said)


@given(st.text(max_size=300) | st.text("0123456789:,-> \n\r\ufeff", max_size=200), st.binary(max_size=60))
@example("1\n00:00:00,000 --> 00:00:01,000\n\u0663\n\n\u0663\n\u0660\u0660:00:00,000 --> 00:00:01,000\na", b"")
def test_any_text_is_subtitles_or_an_error_by_name(
    tmp_path_factory: pytest.TempPathFactory, text: str, more: bytes
) -> None:
    path = tmp_path_factory.mktemp("srt") / "a.srt"
    path.write_bytes(text.encode(errors="surrogatepass") + more)
    try:
        found = read(path)
    except InvalidMediaUnreadable as error:
        assert error.message.startswith("a.srt is not a SubRip file")
        return
    write(found, path)
    assert [(cue.start, cue.end) for cue in read(path)] == [(cue.start, cue.end) for cue in found]


def test_no_cues_make_an_empty_file(tmp_path: Path) -> None:
    write([], tmp_path / "a.srt")
    assert (tmp_path / "a.srt").read_bytes() == b""
    assert read(tmp_path / "a.srt") == []


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes("\ufeff1\r\n00:00:00,000 --> 00:00:01,000\r\nHi\r\n\r\n".encode())
    assert [(cue.start, cue.end, cue.text.strip()) for cue in read(tmp_path / "a.srt")] == [(0.0, 1.0, "Hi")]


@pytest.mark.parametrize("content", [b"no subtitles", b"\xff\xfe\x00"])
def test_what_is_no_subrip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.srt").write_bytes(content)
    with pytest.raises(InvalidMediaUnreadable, match=r"a\.srt is not a SubRip file"):
        read(tmp_path / "a.srt")
