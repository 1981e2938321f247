"""Recognise the speech in one span of the sound; the Merge step lays all spans out as subtitles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from avflow import speech
from avflow.models.store import ModelStore
from avflow.workflow.compute import Ec2Compute
from avflow.workflow.context import StepContext, StepTimer, paced, scratch
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport, ModelEntry, SpanPlan, SpanReport


def run(video: VideoRef, context: StepContext) -> SpanReport:
    """Write what is said in span `context.part` of the plan, with times from the start of the audio.

    Raises
    ------
    ModelUnavailable
        The speech model is not on this machine.
    LambdaBudgetExceeded
        The pace shows that Lambda's time won't do, or the audio doesn't fit in its /tmp.
    """
    timer = StepTimer("audio2srt", context)
    name = context.settings.speech_model
    with scratch() as folder, ThreadPoolExecutor(1) as loader:
        loading = loader.submit(warm_engine, name, _memory_mb(context))  # while the audio comes
        spans = context.store.read(video.media_json, MediaReport).plan.spans
        audio = _Audio(video, context, folder)
        start, wav = audio.span(spans[context.part])
        engine = loading.result()
        report = paced(context.report, context.budget, "speech recognition")
        # that of the whole: else a span that begins with a quotation would be heard in the quotation's language
        language = engine.language_of(audio.each(spans[: context.part]), report)
        transcript = engine.transcribe(wav, report, origin=start, language=language).shifted(start)
    result = SpanReport(
        language=transcript.language,
        seconds=transcript.duration,
        model=ModelEntry.of("speech", ModelStore().describe(name)),
        step=timer.record(),
        transcript=transcript,
    )
    context.store.write(video.part_json("audio2srt", context.part), result)
    return result


def _memory_mb(context: StepContext) -> int | None:
    size = context.settings.compute
    return None if size is None or isinstance(size, Ec2Compute) else size.memory_mb


@lru_cache(maxsize=1)
def warm_engine(name: str, memory_mb: int | None) -> speech.SpeechEngine:
    """Kept for the next invocation: a warm Lambda function needs no time for it."""
    return speech.open_engine(name, ModelStore(), memory_mb=memory_mb)


@dataclass(frozen=True)
class _Audio:
    """The spans of a video's audio in S3; each becomes a file in `folder`."""

    video: VideoRef
    context: StepContext
    folder: Path

    def span(self, span: SpanPlan) -> tuple[float, Path]:
        """Where a span begins in the whole audio, in seconds, and its file."""
        store, key = self.context.store, self.video.wav(span.part)
        # twice: an earlier span, for its language, may lie beside it
        self.context.budget.require_disk(2 * store.size(key), f"the sound of {self.video.filename}")
        wav = self.folder / f"span-{span.part:04}.wav"
        store.download(key, wav)
        return span.start, wav

    def each(self, spans: Sequence[SpanPlan]) -> Iterator[tuple[float, Path]]:
        """One after another, each fetched when it is asked for, and gone with the next."""
        for span in spans:
            start, wav = self.span(span)
            yield start, wav
            wav.unlink()
