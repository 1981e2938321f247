"""WebVTT and the transcript's two forms: other people's parsers read what was said."""

from __future__ import annotations

import html

import pytest
import webvtt

from avflow.speech import subtitles, texts
from avflow.speech import webvtt as ours
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Transcript, Utterance, Word
from tests.schemas import validate

TEXTS = (
    "plain",
    "two\nlines",
    "a < b & c > d",
    "<b>no markup</b> &lt; stays",
    "an arrow --> here",
    "00:00:01.000 --> 00:00:02.000",
    "WEBVTT",
    "NOTE this is said",
    "STYLE\n::cue { color: red }",
    "{\\an8} braces \\N and \\h",
    "שלום עולם, مرحبا",
    "\ufeffa mark of order",
    "你好，世界。🎬",
    "-",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_cue_says_the_same_in_both_formats(tmp_path, text):
    cues = [Cue(0.0, 1.5, "before"), Cue(3599.9995, 3601.25, text), Cue(360_000.0, 360_001.0, "after")]
    subtitles.write(cues, tmp_path / "a.srt")
    ours.write(cues, tmp_path / "a.vtt")
    read = webvtt.read(str(tmp_path / "a.vtt"), encoding="utf-8", strict=True)
    assert [html.unescape(caption.raw_text) for caption in read] == ["before", text, "after"]
    assert not read.styles
    srt = subtitles.read(tmp_path / "a.srt")
    assert [cue.text for cue in srt] == ["before", text, "after"]
    times = [(subtitles.timestamp(cue.start, "."), subtitles.timestamp(cue.end, ".")) for cue in srt]
    assert [(caption.start, caption.end) for caption in read] == times
    assert [start for start, _ in times] == ["00:00:00.000", "01:00:00.000", "100:00:00.000"]


@pytest.mark.parametrize("text", ["a\n\n\nb", "a\r\n\r\nb", "a\r\rb", "\n\na\nb\n\n", "\ra\rb\r"])
def test_a_blank_line_does_not_end_a_cue(tmp_path, text):
    for write, name in ((subtitles.write, "a.srt"), (ours.write, "a.vtt")):
        write([Cue(0.0, 1.0, text), Cue(1.0, 2.0, "next")], tmp_path / name)
    assert [cue.text for cue in subtitles.read(tmp_path / "a.srt")] == ["a\nb", "next"]
    assert [caption.raw_text for caption in webvtt.read(str(tmp_path / "a.vtt"), strict=True)] == ["a\nb", "next"]


def test_without_cues_there_is_a_header(tmp_path):
    ours.write([], tmp_path / "a.vtt")
    assert len(webvtt.read(str(tmp_path / "a.vtt"), strict=True)) == 0


def said(*words, start=0.0):
    return Utterance(
        tuple(
            Word(round(start + n, 3), round(start + n + 0.5, 3), word.strip("+"), 0.5, joined=word.startswith("+"))
            for n, word in enumerate(words)
        )
    )


def test_the_text_has_a_sentence_on_each_line(tmp_path):
    first = said("Hello", "there.", "And", 'so?"', "my")
    later = Utterance((Word(6.4, 7.0, "friends"), Word(9.0, 9.5, "go"), Word(9.5, 9.9, "+on", joined=False)))
    texts.write_text(Transcript((first, later), 10.0, "en"), tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines() == [
        "Hello there.",
        'And so?"',
        "my",
        "friends",
        "go +on",
    ]


def test_words_that_are_joined_stay_joined(tmp_path):
    texts.write_text(Transcript((said("你好", "+，", "+世界", "+。", "再见"),), 6.0, "zh"), tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "你好，世界。\n再见\n"


def test_nothing_said_is_an_empty_text(tmp_path):
    texts.write_text(Transcript((), 6.0), tmp_path / "a.txt")
    assert not (tmp_path / "a.txt").read_bytes()


def test_each_word_has_the_language_of_its_span():
    spans = [Transcript((said("Hallo."),), 5.0, "de"), Transcript((said("Hi.", start=7.0),), 9.0, "en")]
    told = texts.transcript_file(spans, "transcribe").to_dict()
    validate(told, "transcript")
    assert (told["language"], told["seconds"]) == ("en", 14.0)
    words = [word for segment in told["segments"] for word in segment["words"]]
    assert [(word["text"], word["language"], word["start"]) for word in words] == [
        ("Hallo.", "de", 0.0),
        ("Hi.", "en", 7.0),
    ]
    translated = texts.transcript_file(spans, "translate").to_dict()
    assert translated["language"] == "en"
    assert {word["language"] for segment in translated["segments"] for word in segment["words"]} == {"en"}
