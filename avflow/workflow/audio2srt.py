"""Recognise the speech in one span of the audio. The Merge step makes the subtitles of all spans."""

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
    """Write the transcript of span `context.part` of the plan, with times from the start of the whole audio.

    Raises
    ------
    ModelUnavailable
        The speech model is not on this machine.
    SettingInvalid
        The speech model can't translate.
    LambdaBudgetExceeded
        The step would not finish in Lambda's time, or the audio does not fit into its /tmp.
    """
    timer = StepTimer("audio2srt", context)
    name, task = context.settings.speech_model, context.settings.speech_task
    speech.require_task(name, task, ModelStore())
    with scratch() as folder, ThreadPoolExecutor(1) as loader:
        loading = loader.submit(warm_engine, name, _memory_mb(context))  # during the download
        spans = context.store.read(video.media_json, MediaReport).plan.spans
        audio = _Audio(video, context, folder)
        start, wav = audio.span(spans[context.part])
        engine = loading.result()
        report = paced(context.report, context.budget, "speech recognition")
        # The language of the whole audio: a span may begin with a quotation in another language.
        language = engine.language_of(audio.each(spans[: context.part]), report)
        transcript = engine.transcribe(wav, report, origin=start, language=language, task=task).shifted(start)
    result = SpanReport(
        language=transcript.language,
        seconds=transcript.duration,
        model=ModelEntry.of("speech", ModelStore().describe(name)),
        step=timer.record(),
        transcript=transcript,
        task=task,
        notices=transcript.notices,
    )
    context.store.write(video.part_json("audio2srt", context.part), result)
    return result


def _memory_mb(context: StepContext) -> int | None:
    size = context.settings.compute
    return None if size is None or isinstance(size, Ec2Compute) else size.memory_mb


@lru_cache(maxsize=1)
def warm_engine(name: str, memory_mb: int | None) -> speech.SpeechEngine:
    """The loaded speech engine. It is cached: a warm Lambda function does not load it again."""
    return speech.open_engine(name, ModelStore(), memory_mb=memory_mb)


@dataclass(frozen=True)
class _Audio:
    """The spans of a video's audio in S3. Each is downloaded into `folder`."""

    video: VideoRef
    context: StepContext
    folder: Path

    def span(self, span: SpanPlan) -> tuple[float, Path]:
        """The start of a span in the whole audio, in seconds, and its file."""
        store, key = self.context.store, self.video.wav(span.part)
        # Twice the size: an earlier span, read for its language, may lie beside this one.
        self.context.budget.require_disk(2 * store.size(key), f"the audio of {self.video.shown_name}")
        wav = self.folder / f"span-{span.part:04}.wav"
        store.download(key, wav)
        return span.start, wav

    def each(self, spans: Sequence[SpanPlan]) -> Iterator[tuple[float, Path]]:
        """The spans one after another. Each is downloaded when it is asked for, and deleted before the next one."""
        for span in spans:
            start, wav = self.span(span)
            yield start, wav
            wav.unlink()
