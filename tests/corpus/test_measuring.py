"""The measuring functions against inputs whose values are known: each must be able to find a fault."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.corpus.case import Case, Right
from tests.corpus.film import (
    FLAC,
    H264,
    MARKS,
    MPEG4,
    OPUS,
    PCM,
    SOUND_RATE,
    VP8,
    Film,
    ffmpeg,
    pictures,
    record,
    spoken,
    tones,
)
from tests.corpus.judging import SYNC, faults, values_of
from tests.corpus.measuring import Cue, beep_times, cues, recall, shown, speech_faults
from tests.corpus.running import Outcome

RIGHT = Right(frames=100, rate=Fraction(25), seconds=4, size=(160, 128), pictures=range(100), marks=MARKS)


@pytest.mark.parametrize(("suffix", "video", "audio"), [("mkv", H264, FLAC), ("webm", VP8, OPUS), ("avi", MPEG4, PCM)])
def test_a_film_is_measured_as_it_was_made(tmp_path, suffix, video, audio):
    seen = shown(record(tmp_path / f"film.{suffix}", Film(first=300), video, audio))
    assert (seen.frames, seen.rate, seen.size, seen.picture_seconds) == (100, 25, (160, 128), 4.0)
    assert seen.pictures == tuple(range(300, 400))
    assert seen.flashes == pytest.approx(MARKS, abs=0.0001)
    assert seen.beeps == pytest.approx(MARKS, abs=0.004)
    assert seen.sound_seconds == pytest.approx(4, abs=0.02)


def wrong(tmp_path, film, right=RIGHT, **options):
    """What is said of a result that is this film."""
    outcome = Outcome(shown=shown(record(tmp_path / "film.avi", film, MPEG4, PCM, **options)))
    outcome.manifest = NoManifest()
    return faults(Case("x", "", lambda folder: folder, right), outcome)


class NoManifest:
    warnings = ()

    def to_dict(self):
        return {"input": {"truncated": False}}


def test_a_right_result_has_no_fault(tmp_path):
    assert wrong(tmp_path, Film()) == []


@pytest.mark.parametrize(
    ("film", "fault"),
    [
        (Film(seconds=3.96), "99 frames"),
        (Film(rate="50"), "50 frames/s"),
        (Film(size=(176, 128)), "pixels"),
        (Film(first=1), "1 pictures are lost"),
        (Film(flashes=(*MARKS, 3.8)), "flashes at"),
        (Film(beeps=MARKS[:2]), "beeps at"),
        (Film(beeps=(0.52, 1.72 + SYNC + 0.01, 3.2)), "+0.06"),
        (Film(beeps=(0.52, 1.72, 3.2 - SYNC - 0.01)), "-0.0"),
        (Film(sound_seconds=4.5), "s of sound"),
    ],
)
def test_each_fault_is_found(tmp_path, film, fault):
    found = wrong(tmp_path, film)
    assert any(fault in each for each in found), found


def test_a_beep_within_the_tolerance_is_in_sync(tmp_path):
    assert wrong(tmp_path, Film(beeps=[mark + 0.035 for mark in MARKS])) == []


def test_pictures_in_another_order_are_a_fault(tmp_path):
    film = tmp_path / "reversed.avi"
    raw = np.frombuffer(pictures(Film(flashes=())), np.uint8).reshape(100, -1)
    ffmpeg("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "160x128", "-r", "25", "-i", "pipe:0", *MPEG4, film,
           feed=raw[::-1].tobytes())  # fmt: skip
    assert shown(film).pictures == tuple(range(99, -1, -1))


def test_a_held_picture_counts_once(tmp_path):
    film = tmp_path / "held.avi"
    still = np.frombuffer(pictures(Film(flashes=(), seconds=1)), np.uint8).reshape(25, -1)[[0, 0, 0, 1, 2, 2]]
    ffmpeg("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "160x128", "-r", "25", "-i", "pipe:0", *MPEG4, film,
           feed=still.tobytes())  # fmt: skip
    assert (shown(film).frames, shown(film).pictures) == (6, (0, 1, 2))


def test_beeps_are_not_taken_for_speech_noise_or_other_tones():
    seconds = np.arange(4 * SOUND_RATE) / SOUND_RATE
    other = 0.3 * np.sin(2 * np.pi * 440 * seconds)
    noise = np.random.default_rng(1).normal(0, 0.02, len(seconds))
    both = (tones(MARKS, 4) + other + noise).astype(np.float32)
    assert beep_times(both[None], SOUND_RATE) == pytest.approx(MARKS, abs=0.006)
    assert beep_times(tones((), 4)[None], SOUND_RATE) == []


def test_a_beep_in_one_channel_only_is_heard():
    mono = tones(MARKS, 4)
    assert beep_times(np.stack([-mono, mono]), SOUND_RATE) == pytest.approx(MARKS, abs=0.004)
    assert beep_times(np.stack([0 * mono, mono]), SOUND_RATE) == pytest.approx(MARKS, abs=0.004)


@pytest.mark.parametrize(("width", "height", "ratio"), [(40, 40, 1.0), (60, 40, 1.5)])
def test_a_square_is_told_from_a_rectangle(tmp_path, width, height, ratio):
    film = tmp_path / "square.avi"
    box = f"drawbox=x=50:y=40:w={width}:h={height}:c=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", f"color=gray:s=160x128:r=25:d=1,{box}", *MPEG4, film)
    assert shown(film).squares == pytest.approx((ratio, ratio), abs=0.05)


SRT = "1\n00:00:00,500 --> 00:00:02,000\nGood morning,\neverybody.\n\n2\n00:01:02,250 --> 00:01:04,000\nGood night.\n"


def test_subtitles_are_read():
    assert cues(SRT) == [Cue(0.5, 2.0, "Good morning, everybody."), Cue(62.25, 64.0, "Good night.")]
    assert cues("") == []


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({0.5: "good morning everybody", 62.2: "good night"}, None),
        ({0.5: "good morning everybody", 62.2: "sleep well all of you"}, "of the words"),
        ({3.5: "good morning everybody", 62.2: "good night"}, "begins at 3.50"),
        ({0.5: "everybody"}, "words too many"),
        ({}, "where nothing is said"),
    ],
)
def test_words_are_missed_invented_or_late(said, fault):
    found = speech_faults(said, 0.5, cues(SRT))
    assert any(fault in each for each in found) if fault else found == []


def test_a_recall_counts_repeated_words():
    assert recall("to be or not to be", "to be") == pytest.approx(2 / 6)


def test_a_sentence_is_spoken_at_its_second():
    samples = spoken({1.0: "Good morning everybody."}, 3)
    loud = np.flatnonzero(np.abs(samples) > 0.05)
    assert loud[0] / SOUND_RATE == pytest.approx(1.03, abs=0.05)
    assert np.abs(samples).max() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize(
    ("right", "error", "fault"),
    [
        (Right(errors=["InvalidMediaEmpty"]), "ffmpeg: InvalidMediaEmpty", False),
        (Right(errors=["InvalidMediaEmpty"]), "merge: InvalidMediaEmpty", True),
        (Right(errors=["InvalidMediaEmpty"]), "ffmpeg: OSError", True),
        (Right(errors=["InvalidMediaEmpty"]), None, True),
        (RIGHT, "ffmpeg: InvalidMediaEmpty", True),
    ],
)
def test_an_error_is_right_by_its_name_and_step(right, error, fault):
    outcome = Outcome(error=error)
    assert bool(faults(Case("x", "", lambda folder: folder, right), outcome)) == fault


def test_a_missing_picture_or_sound_is_a_fault(tmp_path):
    outcome = Outcome(manifest=NoManifest())
    assert faults(Case("x", "", lambda folder: folder, RIGHT), outcome) == ["the result has no video"]
    mute = replace(RIGHT, sound=False, marks=(), flashes=MARKS)
    assert wrong(tmp_path, Film(), mute) == ["the result has sound"]


def test_warnings_and_truncation_are_read_from_the_manifest(tmp_path):
    found = wrong(tmp_path, Film(), replace(RIGHT, warns="sound", truncated=True))
    assert len(found) == 2
    assert values_of({"a": [{"truncated": True}, {"b": {"truncated": False}}]}, "truncated") == [True, False]
