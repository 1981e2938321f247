"""`avflow.transcribe`: words and cues for pysubs2 and pandas."""

import pandas as pd
import pysubs2
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES as WHISPERS

from avflow import transcribe
from avflow.errors import InvalidMediaNoStreams, SettingInvalid
from avflow.speech.languages import WHISPER
from avflow.speech.subtitles import read
from tests.media_samples import H264, ffmpeg, lavfi, pattern
from tests.speech_samples import DATA, SAID_IN

FAST = "whisper-tiny.en"


@pytest.fixture(scope="module")
def said(film):
    return transcribe(film, model=FAST)


def test_the_words_with_their_times(said):
    assert {"And", "fellow", "Americans."} <= {word.text for word in said.words}
    assert (said.language, said.seconds) == ("en", pytest.approx(3, abs=0.1))
    assert all(0 <= word.start <= word.end <= said.seconds for word in said.words)
    assert said.text == " ".join(word.text for word in said.words)


def test_without_times_of_words_there_are_none(film, said):
    bare = transcribe(film, model=FAST, word_times=False)
    assert bare.words == []
    assert (bare.text, bare.cues) == (said.text, said.cues)
    assert [(each["text"], each["words"]) for each in bare.to_dict()["segments"]] == [(bare.text, [])]


def test_pandas_takes_the_words(said):
    table = pd.DataFrame(said.words)
    assert list(table.columns) == ["start", "end", "text", "probability", "joined"]
    assert table.text.tolist() == [word.text for word in said.words]
    assert table.start.is_monotonic_increasing
    assert pd.DataFrame(said.cues).columns.tolist() == ["start", "end", "text"]


def test_pysubs2_takes_the_cues_and_the_utterances(said, tmp_path):
    cues = pysubs2.load_from_whisper(said.to_dicts())
    assert [(each.start, each.end, each.plaintext) for each in cues] == [
        (round(cue.start * 1000), round(cue.end * 1000), cue.text) for cue in said.cues
    ]
    assert " ".join(each.plaintext for each in pysubs2.load_from_whisper(said.to_dict())) == said.text
    words = [word for segment in said.to_dict()["segments"] for word in segment["words"]]
    assert "".join(word["word"] for word in words).strip() == said.text
    assert read(said.write_srt(tmp_path / "a.srt")) == said.cues


@pytest.mark.slow
def test_another_language_and_its_translation():
    clip = DATA / "es.opus"
    spanish = transcribe(clip, "es")
    assert spanish.language == "es"
    assert spanish.text.split()[0] == SAID_IN["es"].split()[0]
    english = transcribe(clip, language="spa", translate=True)
    assert english.language == "es"
    assert english.text != spanish.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"language": "tlh"}, "'tlh', and the model whisper-base does not know it"),
        ({"language": ""}, "''"),
        ({"language": "fr", "model": FAST}, "'fr', and the model whisper-tiny.en knows only en"),
        ({"translate": True, "model": FAST}, "knows one language only"),
    ],
    ids=str,
)
def test_what_the_model_can_not_do(film, given, said):
    with pytest.raises(SettingInvalid, match=said):
        transcribe(film, **given)


def test_a_file_without_sound(tmp_path):
    ffmpeg(*lavfi(pattern(1, "5")), *H264, tmp_path / "silent.mp4")
    with pytest.raises(InvalidMediaNoStreams, match=r"silent\.mp4 has no audio"):
        transcribe(tmp_path / "silent.mp4", model=FAST)


def test_the_languages_are_whispers_own():
    assert set(WHISPERS) - {"yue"} == set(WHISPER), "only the largest models know Cantonese"
