"""How fast and how right speech is recognised here: `python -m benchmarks.speech`.

Whisper tiny.en by this project's engine on the sound of the sample repeated to ten minutes, and PocketSphinx as the
original audio2srt drove it on the beginning of that, in turn, several times: on a shared machine only the ratios mean
anything. What is said in the sample is known, so the reference is its sentence repeated, and where the sound ends
within it, its words that end before.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
import wave
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from avflow import ffmpeg, speech
from avflow.media import probe
from avflow.models.store import ModelStore
from avflow.speech.spans import cut
from avflow.speech.wav import SAMPLE_RATE, Samples, Wav
from benchmarks.common import SAMPLE, Result, command_line, in_turn, median_ratio, not_installed, seconds

SAID = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
#: seconds of the sample at which each of these words has ended, by ear
ENDS = (0.8, 1.0, 1.4, 1.8, 2.3, 3.9, 4.5, 5.7, 6.0, 6.3, 6.8, 7.0, 7.3, 7.8, 8.7, 9.0, 9.3, 9.5, 9.7, 9.9, 10.2, 10.5)
OURS, THEIRS = "whisper-tiny.en", "pocketsphinx-en-us"
#: seconds of sound that each hears, also in a quick run: PocketSphinx takes many times as long
LENGTHS = {OURS: 600.0, THEIRS: 300.0}
QUICK_LENGTHS = {OURS: 240.0, THEIRS: 30.0}
#: the real-time factor (time taken over the sound's length) that ours should stay below
REAL_TIME_FACTOR = 0.08
FASTER = "speech: tiny.en over PocketSphinx"
REAL_TIME = f"speech: tiny.en's speed over {1 / REAL_TIME_FACTOR:g} times real time"
FEWER_ERRORS = "speech: PocketSphinx's word error rate over tiny.en's"
SEAMLESS = "speech: cuts into spans over words they change (at least 1)"
#: the sound is cut into so many spans, to see whether they say the same
SPANS = 4


def normalised(text: str) -> list[str]:
    """The words in lower case, without punctuation; a hyphen parts two words."""
    return re.sub(r"[^\w' ]", "", text.lower().replace("-", " ").replace("’", "'")).split()


def differences(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance in words: the least number of words to replace, insert or leave out."""
    row = list(range(len(heard) + 1))
    for count, expected in enumerate(reference, start=1):
        before, row[0] = row[0], count
        for place, word in enumerate(heard, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (expected != word))
    return row[-1]


def word_error_rate(reference: Sequence[str], heard: Sequence[str]) -> float:
    """Differences by the number of words said (NIST's WER)."""
    return differences(reference, heard) / len(reference)


def reference(period: float, length: float) -> list[str]:
    """What is said in the sample, `period` seconds long, repeated to `length` seconds."""
    whole, rest = divmod(length, period)
    words = SAID.split()
    return words * int(whole) + [word for word, end in zip(words, ENDS, strict=True) if end <= rest]


def write(path: Path, samples: Samples) -> Path:
    """A wav of these samples."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def sample_repeated(length: float, folder: Path) -> tuple[Path, list[str]]:
    """A wav of `length` seconds, and the words said in it."""
    once = folder / "sample.wav"
    ffmpeg.extract_wav(SAMPLE, probe(SAMPLE), once)
    with Wav(once) as sound:
        samples, period = sound.read(0, sound.samples), sound.duration
    wav = write(folder / f"{length:g}s.wav", np.resize(samples, round(length * SAMPLE_RATE)))
    return wav, reference(period, length)


def in_spans(engine: speech.SpeechEngine, wav: Path, length: float, result: Result) -> tuple[list[str], int]:
    """The words that the spans say together, and the number of seams between them."""
    began = time.perf_counter()
    spans = cut(wav, seconds=length / SPANS, most=SPANS)
    result.row(f"cutting at {len(spans) - 1} pauses", 1000 * (time.perf_counter() - began), "ms")
    heard = []
    with Wav(wav) as sound:
        for span in spans:
            samples = sound.read(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE))
            part = write(wav.with_name("span.wav"), samples)
            heard.append(engine.transcribe(part, origin=span.start).shifted(span.start))
    return normalised(speech.Transcript.join(heard).text), len(spans) - 1


def measure(lengths: Mapping[str, float], rounds: int, folder: Path, result: Result) -> None:
    """Both engines, and ours on the sound in spans."""
    result.declare(FASTER, REAL_TIME, FEWER_ERRORS, SEAMLESS)
    if why := not_installed("pocketsphinx"):
        result.skip(why, FASTER, FEWER_ERRORS)
        lengths = {OURS: lengths[OURS]}
    sounds = {name: sample_repeated(length, folder) for name, length in lengths.items()}
    engines: dict[str, speech.SpeechEngine] = {}
    for name in sounds:
        loading = seconds(lambda name=name: engines.update({name: speech.open_engine(name, ModelStore())}))
        result.row(f"{name}: loading", loading, "s")
    heard: dict[str, list[str]] = {}

    def listen(name: str) -> None:
        heard[name] = normalised(engines[name].transcribe(sounds[name][0]).text)

    times = in_turn(rounds, *(partial(listen, name) for name in sounds))
    factors = {name: [each / lengths[name] for each in took] for name, took in zip(sounds, times, strict=True)}
    errors = {name: word_error_rate(said, heard[name]) for name, (_, said) in sounds.items()}
    for name, length in lengths.items():
        on = f"on {length:.0f} s of audio"
        result.row(f"{name}: real-time factor {on}", f"{statistics.median(factors[name]):.4f}", "")
        result.row(f"{name}: word error rate {on}", 100 * errors[name], "%")
    wav, said = sounds[OURS]
    joined, seams = in_spans(engines[OURS], wav, lengths[OURS], result)
    apart = differences(heard[OURS], joined)
    result.row(f"words that {seams + 1} spans say differently from the whole, of {len(said)}", apart, "words")
    if THEIRS in sounds:
        result.ratio(FASTER, median_ratio(factors[THEIRS], factors[OURS]))
    result.ratio(REAL_TIME, REAL_TIME_FACTOR / statistics.median(factors[OURS]))
    if THEIRS in sounds:
        # a single wrong word at least, or no error would be infinitely good
        result.ratio(FEWER_ERRORS, errors[THEIRS] / max(errors[OURS], 1 / len(said)))
    result.ratio(SEAMLESS, seams / max(1, apart))


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=3).parse_args()
    lengths = QUICK_LENGTHS if options.quick else LENGTHS
    result = Result("Speech recognition: the sample's audio, repeated", quick=options.quick)
    with tempfile.TemporaryDirectory() as name:
        measure(lengths, options.rounds, Path(name), result)
    result.notes.append(
        f"Medians of {options.rounds} alternating rounds. PocketSphinx gets only the first {lengths[THEIRS]:.0f} s, "
        "because it takes so long. Real-time factor and word error rate are relative to the length of the audio."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
