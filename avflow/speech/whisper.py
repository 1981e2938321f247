"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) by faster-whisper."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel  # type: ignore[import-untyped]

from avflow.progress import Meter, Report, ignore
from avflow.speech.transcript import Segment, Transcript, Word
from avflow.speech.wav import SAMPLE_RATE, Samples, Wav

#: seconds recognised at a time: what bounds the memory, at about 0.8 MB a second of it
SPAN_SECONDS = 300.0
#: decoding is tried again, with more chance in it, where the text repeats itself or is improbable
_TEMPERATURES = (0.0, 0.4, 0.8)
#: a segment that Whisper itself takes for non-speech, and whose words it doubts, is invented
_NO_SPEECH, _DOUBTED = 0.6, 0.5


class FasterWhisperEngine:
    """Whisper, converted for CTranslate2.

    Silence and noise are taken out by Silero's voice activity detector before Whisper hears them:
    on these it invents text. Each 30 s window is decoded on its own, not conditioned on the text
    before it, so that one repetition loop can't spread over the rest of a film. faster-whisper's
    batched pipeline saves a quarter of the time on two cores, but never tries a window again.

    Parameters
    ----------
    model:
        Folder with `model.bin`, `config.json`, `tokenizer.json`, `vocabulary.txt`.
    compute_type:
        CTranslate2's name for the arithmetic; int8 needs half the time of float32 on a CPU.
    threads:
        Cores to use; all of this process's when left out.
    language:
        ISO 639-1; found out from the first speech when left out.
    """

    def __init__(
        self,
        model: Path,
        compute_type: str = "int8",
        threads: int | None = None,
        language: str | None = None,
        beam_size: int = 5,
    ) -> None:
        cores = threads or len(os.sched_getaffinity(0))
        self._model = WhisperModel(
            str(model), device="cpu", compute_type=compute_type, cpu_threads=cores, local_files_only=True
        )
        self._language, self._beam_size = language, beam_size

    def transcribe(self, wav: Path, report: Report = ignore) -> Transcript:
        """See SpeechEngine."""
        language, segments = self._language, list[Segment]()
        with Wav(wav) as sound:
            meter = Meter("recognise speech", sound.duration, "seconds", report)
            for start, samples in sound.spans(SPAN_SECONDS):
                heard, spoken = self._recognise(samples, language)
                for segment in heard:
                    meter.update(start + min(float(segment.end), len(samples) / SAMPLE_RATE))
                    if words := _words(segment, start):
                        language = spoken
                        segments.append(Segment(words))
                meter.update(start + len(samples) / SAMPLE_RATE)
            meter.update(sound.duration)
            return Transcript(tuple(segments), sound.duration, language if segments else None)

    def _recognise(self, samples: Samples, language: str | None) -> tuple[Iterable[Any], str]:
        heard, info = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            language=language,
            beam_size=self._beam_size,
            vad_filter=True,
            word_timestamps=True,
            temperature=_TEMPERATURES,
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
        )
        return heard, info.language


def _words(segment: Any, start: float) -> tuple[Word, ...]:
    words = [word for word in segment.words or () if word.word.strip()]
    if not words:
        return ()
    if segment.no_speech_prob > _NO_SPEECH and np.mean([word.probability for word in words]) < _DOUBTED:
        return ()
    return tuple(
        Word(
            start=start + float(word.start),
            end=start + float(word.end),
            text=word.word.strip(),
            probability=float(word.probability),
            joined=not word.word[0].isspace(),
        )
        for word in words
    )
