"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) by faster-whisper."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]

from avflow.cores import usable_cores
from avflow.progress import TICK_SECONDS, Meter, Report, ignore
from avflow.speech.chunks import chunks
from avflow.speech.transcript import Transcript, Utterance, Word
from avflow.speech.wav import SAMPLE_RATE, Wav
from avflow.speech.windows import Window, windows

#: decoding is tried again, with more chance in it, where the text is improbable or doesn't fit the sound
_TEMPERATURES = (0.0, 0.4, 0.8)
#: Whisper's own threshold: the average log probability of a token below which a text is improbable
_IMPROBABLE = -1.0
#: seconds that a word takes at least, and the share of words in a window that may take less
_INSTANT, _INSTANT_SHARE = 0.05, 0.1
#: seconds of speech without a word in one stretch: more has been passed over
_UNHEARD_SECONDS = 1.2
#: a window that Whisper itself takes for non-speech, and whose words it doubts, is invented
_NO_SPEECH, _DOUBTED = 0.6, 0.5


@dataclass(frozen=True)
class _Heard:
    """What faster-whisper heard: its words, in seconds of the window, and how sure it is."""

    words: Sequence[Any]
    log_probability: float
    no_speech: float


@dataclass(frozen=True)
class _Decoded:
    """What is said in a window that ends at second `end`, with the sound's own times, and in which language."""

    end: float
    said: Sequence[Utterance]
    language: str


class FasterWhisperEngine:
    """Whisper, converted for CTranslate2.

    The speech alone is decoded, in windows of 30 s at most (avflow.speech.windows), each on its own and not
    conditioned on the text before it, so that one repetition loop can't spread over the rest of a film. Each core
    decodes a window of its own: all cores together on one window, or on a batch of them, take twice as long, since
    a small model's steps don't divide well.

    faster-whisper's batched pipeline decodes without Whisper's timestamps, which is quicker and repeats itself less,
    but never tries a window again. Whisper tells a loop by text that compresses well, and takes a chorus for one.
    Here it is told by the sound: words that are not said have no time in it, and the alignment gives them no length.
    A window with many of those, one with speech but no words in it (Whisper ended too early), and one with an
    improbable text are decoded again in the ordinary way, with timestamps and retries.

    Parameters
    ----------
    model:
        Folder with `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt`.
    compute_type:
        CTranslate2's name for the arithmetic; int8 needs half the time of float32 on a CPU.
    threads:
        Cores to use; all of this process's when left out.
    memory_mb:
        Megabytes that this process may use: fewer cores are used where it suffices for no more.
    """

    def __init__(
        self,
        model: Path,
        compute_type: str = "int8",
        threads: int | None = None,
        memory_mb: int | None = None,
        beam_size: int = 5,
    ) -> None:
        self._workers = threads or usable_cores()
        if memory_mb is not None:
            self._workers = min(self._workers, workers_within(memory_mb, (model / "model.bin").stat().st_size))
        self._model = WhisperModel(
            str(model),
            device="cpu",
            compute_type=compute_type,
            cpu_threads=1,
            num_workers=self._workers,
            local_files_only=True,
        )
        self._only_language = None if self._model.model.is_multilingual else "en"
        self._beam_size = beam_size

    def transcribe(
        self, wav: Path, report: Report = ignore, *, origin: float = 0.0, language: str | None = None
    ) -> Transcript:
        """See SpeechEngine."""
        utterances, spoken = list[Utterance](), None
        with Wav(wav) as sound:
            # a window takes seconds: each is worth a report
            meter = Meter("recognise speech", sound.duration, "seconds", report, interval=0)
            meter.update(0.0)
            with closing(self._decoded(sound, origin, self._only_language or language, meter)) as decoded:
                for window in decoded:
                    meter.update(window.end)
                    if window.said:
                        utterances += window.said
                        spoken = window.language
            meter.update(sound.duration)
            return Transcript(tuple(utterances), sound.duration, spoken)

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """See SpeechEngine."""
        if self._only_language:
            return self._only_language
        meter = Meter("find the language", None, "seconds", report)
        for origin, wav in spans:
            with Wav(wav) as sound, closing(self._decoded(sound, origin, None, meter)) as decoded:
                if spoken := next((window.language for window in decoded if window.said), None):
                    return spoken
        return None

    def _decoded(self, sound: Wav, origin: float, language: str | None, meter: Meter) -> Generator[_Decoded]:
        """What is said in each window, in order; a few windows ahead of who asks."""
        pool, waiting = ThreadPoolExecutor(self._workers), deque[Future[_Decoded]]()
        try:
            for start, end in chunks(sound, round(origin * SAMPLE_RATE)):
                for window in windows(sound.read(start, end), start / SAMPLE_RATE):
                    waiting.append(pool.submit(self._decode, window, language))
                    # the first speech tells the language: until it is heard there is nothing to do ahead
                    while len(waiting) > (2 * self._workers if language else 0):
                        decoded = _awaited(waiting.popleft(), meter)
                        language = language or (decoded.language if decoded.said else None)
                        yield decoded
            for future in waiting:
                yield _awaited(future, meter)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, window: Window, language: str | None) -> _Decoded:
        # a pipeline for each call: it keeps state, and calls run side by side
        segments, info = BatchedInferencePipeline(self._model).transcribe(
            window.samples,
            language=language,
            clip_timestamps=[{"start": 0.0, "end": len(window.samples) / SAMPLE_RATE}],
            batch_size=1,
            beam_size=self._beam_size,
            temperature=_TEMPERATURES[0],
            word_timestamps=True,
        )
        heard = [_heard(segment) for segment in segments]
        if any(_is_doubtful(segment, window) for segment in heard):
            heard = self._again(window, info.language)
        said = [Utterance(words) for segment in heard if (words := _words(segment, window))]
        return _Decoded(window.end, said, info.language)

    def _again(self, window: Window, language: str) -> list[_Heard]:
        """One window in the ordinary way, with Whisper's own checks and retries."""
        segments, _ = self._model.transcribe(
            window.samples,
            language=language,
            beam_size=self._beam_size,
            temperature=_TEMPERATURES,
            word_timestamps=True,
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
        )
        return [_heard(segment) for segment in segments]


def _awaited(decoded: Future[_Decoded], meter: Meter) -> _Decoded:
    """The result of a window, which can take many seconds; `meter` ticks meanwhile."""
    while not wait([decoded], TICK_SECONDS).done:
        meter.tick()
    return decoded.result()


def workers_within(memory_mb: int, model_bytes: int) -> int:
    """How many windows may be decoded side by side; 1 at least.

    Measured with one to eight: tiny.en (78 MB) takes 280 MB and 100 MB for each window, base (148 MB) 290 MB and
    136 MB; the rest of the process takes some 100 MB. Half as much again is allowed for what is decoded twice.
    """
    model_mb = model_bytes / 1e6
    return max(1, int((memory_mb - 400 - model_mb) / (90 + 0.75 * model_mb)))


def _heard(segment: Any) -> _Heard:
    words = [word for word in segment.words or () if word.word.strip()]
    return _Heard(words, segment.avg_logprob, segment.no_speech_prob)


def _is_doubtful(heard: _Heard, window: Window) -> bool:
    times = [(float(word.start), float(word.end)) for word in heard.words]
    instants = sum(end - start < _INSTANT for start, end in times)
    return (
        heard.log_probability < _IMPROBABLE
        or instants > _INSTANT_SHARE * len(times)
        or window.unheard(times) > _UNHEARD_SECONDS
    )


def _words(heard: _Heard, window: Window) -> tuple[Word, ...]:
    if not heard.words:
        return ()
    if heard.no_speech > _NO_SPEECH and np.mean([word.probability for word in heard.words]) < _DOUBTED:
        return ()
    return tuple(
        Word(
            *window.times(float(word.start), float(word.end)),
            text=word.word.strip(),
            probability=float(word.probability),
            joined=not word.word[0].isspace(),
        )
        for word in heard.words
    )
