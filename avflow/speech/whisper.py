"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) in faster-whisper."""

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

#: a window whose text is improbable or does not fit the audio is decoded again, at these temperatures in turn
_TEMPERATURES = (0.0, 0.4, 0.8)
#: Whisper's own threshold: a text is improbable below this average log probability of its tokens
_IMPROBABLE = -1.0
#: shortest duration of a word in seconds, and the share of a window's words that may be shorter
_INSTANT, _INSTANT_SHARE = 0.05, 0.1
#: seconds of a stretch of speech that may be without a word. With more, Whisper has skipped speech
_UNHEARD_SECONDS = 1.2
#: words are invented if Whisper's probability of non-speech is above the first and that of its words below the second
_NO_SPEECH, _DOUBTED = 0.6, 0.5


@dataclass(frozen=True)
class _Heard:
    """The words of one of faster-whisper's segments, with times in seconds of the window, and its probabilities."""

    words: Sequence[Any]
    log_probability: float
    no_speech: float


@dataclass(frozen=True)
class _Decoded:
    """The utterances of a window that ends at second `end`, with times in the whole audio, and their language."""

    end: float
    said: Sequence[Utterance]
    language: str


class FasterWhisperEngine:
    """Whisper, converted for CTranslate2.

    The engine decodes only the speech, in windows of 30 s at most (`avflow.speech.windows`). Each window is decoded
    without the text before it, so that a repetition loop cannot spread over the rest of a film. Each core decodes a
    window of its own. All cores together on one window, or on a batch of windows, take twice as long, because the
    operations of a small model do not divide well.

    faster-whisper's batched pipeline decodes without Whisper's timestamps. This is faster and loops less, but the
    pipeline never decodes a window again. Whisper itself detects a loop by text that compresses well, and so mistakes a
    chorus for a loop. This engine detects a loop by the audio: a word that nobody says has no place in the audio, and
    the alignment gives it no duration. Three kinds of windows are decoded again in the ordinary way, with timestamps
    and retries: windows with many such words, windows with speech but no words (Whisper ended too early), and windows
    with an improbable text.

    Parameters
    ----------
    model:
        Folder with `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt`.
    compute_type:
        CTranslate2's name of the number format. On a CPU int8 takes half the time of float32.
    threads:
        Number of cores to use. By default all cores of this process.
    memory_mb:
        Memory that this process may use, in MB. The engine uses fewer cores if it needs more memory for all of them.
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
        with Wav(wav) as audio:
            # a window takes seconds, so each is reported
            meter = Meter("recognise speech", audio.duration, "seconds", report, interval=0)
            meter.update(0.0)
            with closing(self._decoded(audio, origin, self._only_language or language, meter)) as decoded:
                for window in decoded:
                    meter.update(window.end)
                    if window.said:
                        utterances += window.said
                        spoken = window.language
            meter.update(audio.duration)
            return Transcript(tuple(utterances), audio.duration, spoken)

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """See SpeechEngine."""
        if self._only_language:
            return self._only_language
        meter = Meter("find the language", None, "seconds", report)
        for origin, wav in spans:
            with Wav(wav) as audio, closing(self._decoded(audio, origin, None, meter)) as decoded:
                if spoken := next((window.language for window in decoded if window.said), None):
                    return spoken
        return None

    def _decoded(self, audio: Wav, origin: float, language: str | None, meter: Meter) -> Generator[_Decoded]:
        """The decoded windows in order. Decoding runs a few windows ahead of the caller."""
        pool, waiting = ThreadPoolExecutor(self._workers), deque[Future[_Decoded]]()
        try:
            for start, end in chunks(audio, round(origin * SAMPLE_RATE)):
                for window in windows(audio.read(start, end), start / SAMPLE_RATE):
                    waiting.append(pool.submit(self._decode, window, language))
                    # the first speech decides the language: until then no window is decoded ahead
                    while len(waiting) > (2 * self._workers if language else 0):
                        decoded = _awaited(waiting.popleft(), meter)
                        language = language or (decoded.language if decoded.said else None)
                        yield decoded
            for future in waiting:
                yield _awaited(future, meter)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, window: Window, language: str | None) -> _Decoded:
        # a pipeline per call: it keeps state, and calls run in parallel
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
        if any(_is_doubtful(each, window) for each in heard):
            heard = self._again(window, info.language)
        said = [Utterance(words) for each in heard if (words := _words(each, window))]
        return _Decoded(window.end, said, info.language)

    def _again(self, window: Window, language: str) -> list[_Heard]:
        """Decode a window in the ordinary way, with Whisper's own checks and retries."""
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
    """Wait for a window, which can take many seconds. `meter` ticks meanwhile."""
    while not wait([decoded], TICK_SECONDS).done:
        meter.tick()
    return decoded.result()


def workers_within(memory_mb: int, model_bytes: int) -> int:
    """The number of windows that may be decoded in parallel, at least 1.

    Measured with one to eight windows: tiny.en (78 MB) takes 280 MB plus 100 MB per window, base (148 MB) 290 MB plus
    136 MB per window. The rest of the process takes about 100 MB. The formula allows 50 % more for windows that are
    decoded twice.
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
