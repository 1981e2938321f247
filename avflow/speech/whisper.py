"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) in faster-whisper."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ctranslate2 import set_random_seed  # type: ignore[import-untyped]
from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]

from avflow.cores import usable_cores
from avflow.models.kinds import TRANSLATED_TO, SpeechTask
from avflow.progress import TICK_SECONDS, Meter, Report, ignore
from avflow.speech import cannot_translate
from avflow.speech.belief import (
    CERTAIN,
    DECIDED,
    GUESS,
    Certainty,
    Heard,
    believed,
    better,
    better_translation,
    is_doubtful,
    is_speech,
    is_spelled,
    is_translatable,
    is_translation,
    is_translation_doubtful,
    without_repetitions,
    words,
)
from avflow.speech.chunks import chunks
from avflow.speech.doubts import Doubts, not_english
from avflow.speech.transcript import Transcript, Utterance
from avflow.speech.wav import SAMPLE_RATE, Wav
from avflow.speech.windows import Window, windows

#: a window whose text is improbable or does not fit the audio is decoded again, at these temperatures in turn
_TEMPERATURES = (0.0, 0.4, 0.8)
#: of the words that are drawn at the higher ones: the same upload has the same subtitles
_SEED = 1
#: so many windows without a sure language are held back; then the language is the likeliest of all
_HELD_BACK = 6


@dataclass(frozen=True)
class _Decoded:
    """The believed utterances of a window, with times in the whole audio, and their language.

    `certainty` is the probability of the language. `doubted` and `suspected` are seconds of speech whose words were not
    believed, or may be another language's (`Doubts`). `clear` speech can be translated. `english` is the translation of
    `said`, if one is wanted.
    """

    window: Window
    said: Sequence[Utterance]
    language: str
    certainty: float
    doubted: float
    suspected: float
    clear: bool
    english: Sequence[Utterance] = ()


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

    A window is translated only if its transcription is believed. The limits of belief were measured on transcriptions:
    a right translation is as improbable as a wrong transcription, because it can be worded in many ways. So translation
    takes twice as long, and leaves out the same speech.

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
        set_random_seed(_SEED)  # else CTranslate2 takes another one in each process
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
        self._name = model.name
        self._only_language = None if self._model.model.is_multilingual else "en"
        self._beam_size = beam_size

    def transcribe(
        self,
        wav: Path,
        report: Report = ignore,
        *,
        origin: float = 0.0,
        language: str | None = None,
        task: SpeechTask = "transcribe",
    ) -> Transcript:
        """See SpeechEngine."""
        if task == "translate" and self._only_language:
            raise cannot_translate(self._name)
        utterances, spoken = list[Utterance](), None
        english = dict[Utterance, Sequence[Utterance]]()
        doubts = Doubts()
        with Wav(wav) as audio:
            # a window takes seconds, so each is reported
            meter = Meter("recognise speech", audio.duration, "seconds", report, interval=0)
            meter.update(done := 0.0)
            with closing(self._decoded(audio, origin, self._only_language or language, meter, task)) as decoded:
                for each in decoded:
                    meter.update(done := max(done, each.window.end))
                    doubts.add(each.window, each.doubted, each.suspected)
                    if each.said:
                        utterances += each.said
                        english[each.said[0]] = each.english
                        spoken = each.language
            meter.update(audio.duration)
            if self._only_language and doubts.prevail:
                return Transcript((), audio.duration, None, notices=(not_english(self._name),))
            notices = doubts.notices(origin, heard=spoken)
            # the words of a translation are too improbable to tell a doubtful repetition
            kept: Iterable[Utterance] = without_repetitions(utterances)
            if task == "translate" and spoken != TRANSLATED_TO:
                kept = (each for said in kept for each in english.get(said, ()))
            return Transcript(tuple(kept), audio.duration, spoken, notices=notices)

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """See SpeechEngine."""
        if self._only_language:
            return self._only_language
        meter = Meter("find the language", None, "seconds", report)
        for origin, wav in spans:
            with Wav(wav) as audio, closing(self._decoded(audio, origin, None, meter, "transcribe")) as decoded:
                if spoken := next((each.language for each in decoded if each.said), None):
                    return spoken
        return None

    def _decoded(
        self, audio: Wav, origin: float, language: str | None, meter: Meter, task: SpeechTask
    ) -> Generator[_Decoded]:
        """The decoded windows in order. Decoding runs a few windows ahead of the caller.

        The first believed speech in a language that is sure decides the language of all. What came before is held back
        until then, and decoded again if it was taken for another language.
        """
        pool, waiting = ThreadPoolExecutor(self._workers), deque[Future[_Decoded]]()
        unsure: list[_Decoded] = []
        try:
            for start, end in chunks(audio, round(origin * SAMPLE_RATE)):
                for window in windows(audio.read(start, end), start / SAMPLE_RATE):
                    waiting.append(pool.submit(self._recognised, window, language, task))
                    # until the language is known no window is decoded ahead
                    while len(waiting) > (2 * self._workers if language else 0):
                        decoded = _awaited(waiting.popleft(), meter)
                        if language or not (decoded.said or decoded.doubted):
                            yield decoded
                            continue
                        unsure.append(decoded)
                        language = _language(unsure)
                        if language:
                            yield from self._agreed(unsure, language, task)
                            unsure.clear()
            if unsure:
                yield from self._agreed(unsure, _language(unsure, at_the_end=True), task)
            for future in waiting:
                yield _awaited(future, meter)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _agreed(self, unsure: Sequence[_Decoded], language: str | None, task: SpeechTask) -> Iterator[_Decoded]:
        """The windows in one language. `None` if none of them has words that are believed."""
        sure = max((each.certainty for each in unsure if each.language == language), default=0.0)
        if sure >= CERTAIN and any(each.said and each.language == language for each in unsure):
            sure = DECIDED
        for each in unsure:
            settled = not language or (each.language == language and (each.said or sure < DECIDED))
            agreed = each if settled else self._decode(each.window, language, sure)
            yield self._translated(agreed) if task == "translate" else agreed

    def _recognised(self, window: Window, language: str | None, task: SpeechTask) -> _Decoded:
        """Decode a window. It is translated only if its language is decided already."""
        decoded = self._decode(window, language)
        return self._translated(decoded) if language and task == "translate" else decoded

    def _decode(self, window: Window, language: str | None, certainty: float = DECIDED) -> _Decoded:
        """Decode a window. Without `language` Whisper detects it, and how sure it is."""
        first, info = self._first(window, language)
        if language is None:
            certainty = getattr(info, "language_probability", certainty)
        looped = any(each.is_loop for each in first)
        heard: Sequence[Heard] = first
        if is_doubtful(first, window):
            # in a language that is only guessed, words that are drawn at random pass for speech now and then
            temperatures = _TEMPERATURES if certainty >= CERTAIN else _TEMPERATURES[:1]
            heard = better(first, self._again(window, info.language, temperatures=temperatures))
        sure = Certainty(certainty, only=self._only_language is not None)
        kept = believed(heard, sure, window.spoken, looped=looped)
        said = [Utterance(words(each, window)) for each in kept]
        doubted = window.spoken if is_speech(first, window.spoken) and not said else 0.0
        suspected = window.spoken if said and is_spelled(heard) else 0.0
        return _Decoded(window, said, info.language, certainty, doubted, suspected, is_translatable(kept))

    def _translated(self, decoded: _Decoded) -> _Decoded:
        """The window with its words in English. Without a believed translation its speech is doubted."""
        if decoded.language == TRANSLATED_TO or not decoded.said:
            return decoded
        window = decoded.window
        if not decoded.clear:
            return replace(decoded, doubted=window.spoken)
        first, _ = self._first(window, decoded.language, "translate")
        heard: Sequence[Heard] = first
        if is_translation_doubtful(first, window):
            heard = better_translation(first, self._again(window, decoded.language, "translate"), window)
        english = [Utterance(words(each, window)) for each in heard if is_translation(each)]
        return replace(decoded, english=english, doubted=decoded.doubted if english else window.spoken)

    def _first(self, window: Window, language: str | None, task: SpeechTask = "transcribe") -> tuple[list[Heard], Any]:
        """Decode a window in the fast way. Returns what was heard, and faster-whisper's `TranscriptionInfo`."""
        # a pipeline per call: it keeps state, and calls run in parallel
        segments, info = BatchedInferencePipeline(self._model).transcribe(
            window.samples,
            language=language,
            task=task,
            clip_timestamps=[{"start": 0.0, "end": len(window.samples) / SAMPLE_RATE}],
            batch_size=1,
            beam_size=self._beam_size,
            temperature=_TEMPERATURES[0],
            word_timestamps=True,
        )
        return [Heard.of(segment) for segment in segments], info

    def _again(
        self,
        window: Window,
        language: str,
        task: SpeechTask = "transcribe",
        temperatures: Sequence[float] = _TEMPERATURES,
    ) -> list[Heard]:
        """Decode a window in the ordinary way, with Whisper's own checks and retries."""
        segments, _ = self._model.transcribe(
            window.samples,
            language=language,
            task=task,
            beam_size=self._beam_size,
            temperature=temperatures,
            word_timestamps=True,
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
        )
        return [Heard.of(segment) for segment in segments]


def _language(unsure: Sequence[_Decoded], *, at_the_end: bool = False) -> str | None:
    """The language that these windows decide, the last of which is new. None if they don't, or if none is believed."""
    last = unsure[-1]
    if last.said and last.certainty >= GUESS:
        return last.language
    if not at_the_end and len(unsure) < _HELD_BACK:
        return None
    likely = defaultdict[str, float](float)
    for each in unsure:
        if each.said:
            likely[each.language] += each.certainty * each.window.spoken
    return max(likely, key=likely.__getitem__, default=None)


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
