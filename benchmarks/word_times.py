"""What it saves to leave out the times of words (`WordTimes=no`): `python -m benchmarks.word_times`.

The English prompts of `benchmarks.languages` one after another, with and without times of words in turn, by processor
time: other programs change it less than the wall time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

import numpy as np

from avflow import speech
from avflow.models.store import ModelStore
from avflow.speech.wav import SAMPLE_RATE, Wav
from benchmarks.common import Result, command_line, median_ratio
from benchmarks.languages import MODELS, PROMPTS, QUICK_PROMPTS, prompts
from benchmarks.speech import normalised, word_error_rate, write

#: seconds of silence between two prompts
_PAUSE = 1.0


def all_prompts(names: tuple[str, ...], folder: Path) -> tuple[Path, list[str]]:
    """One WAV file of all prompts, and the words said in it."""
    samples, said = [], list[str]()
    for wav, words in prompts("en", names, folder):
        with Wav(wav) as sound:
            samples += [sound.read(0, sound.samples), np.zeros(round(_PAUSE * SAMPLE_RATE), np.int16)]
        said += words
    return write(folder / "all.wav", np.concatenate(samples)), said


def apart(estimated: speech.Transcript, aligned: speech.Transcript) -> list[float]:
    """Seconds between the two starts of each word that both heard."""
    one, other = ([word.text.casefold() for word in each.words] for each in (estimated, aligned))
    return [
        abs(estimated.words[block.a + number].start - aligned.words[block.b + number].start)
        for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        for number in range(block.size)
    ]


def processor_seconds(
    engine: speech.SpeechEngine, wav: Path, heard: dict[bool, speech.Transcript], times: bool
) -> float:
    """Processor time of one transcription, which `heard` keeps."""
    began = time.process_time()
    heard[times] = engine.transcribe(wav, word_times=times)
    return time.process_time() - began


def measure(name: str, wav: Path, said: list[str], rounds: int, result: Result) -> None:
    """One model with and without times of words."""
    heard: dict[bool, speech.Transcript] = {}
    run = partial(processor_seconds, speech.open_engine(name, ModelStore()), wav, heard)
    run(True)  # not measured: what is loaded late
    rows = [(run(True), run(False)) for _ in range(rounds)]
    timed, untimed = zip(*rows, strict=True)
    saved = f"word times: {name}, processor time with over without"
    result.declare(saved)
    for times, took in ((True, timed), (False, untimed)):
        label = f"{name}, {'with' if times else 'without'} times of words"
        result.row(f"{label}: processor time", statistics.median(took), "s")
        result.row(f"{label}: word error rate", 100 * word_error_rate(said, normalised(heard[times].text)), "%")
    distances = sorted(apart(heard[False], heard[True]))
    result.row(f"{name}: estimated start of a word, median distance", 1000 * statistics.median(distances), "ms")
    result.row(f"{name}: the same, of nine words in ten at most", 1000 * distances[len(distances) * 9 // 10], "ms")
    result.ratio(saved, median_ratio(timed, untimed))


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=5).parse_args()
    result = Result("Speech recognition with and without times of words", quick=options.quick)
    with tempfile.TemporaryDirectory() as folder:
        wav, said = all_prompts(QUICK_PROMPTS if options.quick else PROMPTS, Path(folder))
        for name in MODELS:
            measure(name, wav, said, options.rounds, result)
    result.notes.append(f"Medians of {options.rounds} alternating rounds on {len(said)} words of English prompts.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
