"""Recognise the speech in one span of the audio. The Merge step makes the subtitles of all spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from avflow import speech
from avflow.choices import AUTO
from avflow.errors import MediaAnswerInvalid, MediaWorkFailed
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.workplace import workplace
from avflow.media_work.requests import FindLanguage, LoadEngine, Recognise, Recognised
from avflow.models.store import ModelStore
from avflow.progress import Report
from avflow.workflow.compute import Ec2Compute
from avflow.workflow.context import StepContext, StepTimer, paced
from avflow.workflow.isolating import Worker
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport, ModelEntry, SpanPlan, SpanReport

#: seconds; an engine that never ends to load a model would keep the job until its time-out
_LOAD_SECONDS = 600.0


def run(video: VideoRef, context: StepContext) -> SpanReport:
    """Write the transcript of span `context.part` of the plan, with times from the start of the whole audio.

    Raises
    ------
    ModelUnavailable
        The speech model is not on this machine.
    LambdaBudgetExceeded
        The step would not finish in Lambda's time, or the audio does not fit into its /tmp.
    MediaWorkFailed, MediaAnswerInvalid, IsolationUnavailable
        As `avflow.isolation.worker.MediaWorker`.
    """
    timer = StepTimer("audio2srt", context)
    name, models = context.settings.speech_model, ModelStore()
    with workplace() as place, context.media_process("audio2srt", place) as worker:
        loading = LoadEngine(name, _memory_mb(context))
        worker.begin(loading)  # during the download
        media = context.store.read(video.media_json, MediaReport)
        context, spans = context.within(media.choices.lambda_seconds, video), media.plan.spans
        audio = _Audio(video, context, place.inputs)
        start, wav = audio.span(spans[context.part])
        limit = TimeLimit(_LOAD_SECONDS, MediaWorkFailed(f"The model {name} did not load within {_LOAD_SECONDS:.0f} s"))
        language = worker.finish(loading, limit=limit).language
        report = paced(context.report, context.budget, "speech recognition")
        if language is None and media.choices.speech_language != AUTO:
            language = media.choices.speech_language
        if language is None:
            # The language of the whole audio: a span may begin with a quotation in another language.
            language = _language_of(worker, audio, spans[: context.part], report)
        task = media.choices.speech_task
        done = worker.do(Recognise(str(wav), start, language, task), report)
        transcript = _transcript(done).shifted(start)
        isolation = worker.isolation
    result = SpanReport(
        language=transcript.language,
        seconds=transcript.duration,
        model=ModelEntry.of("speech", models.describe(name)),
        step=timer.record(isolation),
        transcript=transcript,
        task=task,
        notices=transcript.notices,
    )
    context.store.write(video.part_json("audio2srt", context.part), result)
    return result


def _memory_mb(context: StepContext) -> int | None:
    size = context.settings.compute
    return None if size is None or isinstance(size, Ec2Compute) else size.memory_mb


def _language_of(worker: Worker, audio: _Audio, spans: Sequence[SpanPlan], report: Report) -> str | None:
    """The language of the first speech in the spans, of which only as many are downloaded as it needs."""
    for start, wav in audio.each(spans):
        if language := worker.do(FindLanguage(str(wav), start), report).language:
            return language
    return None


def _transcript(done: Recognised) -> speech.Transcript:
    if not all(utterance.words for utterance in done.utterances):
        raise MediaAnswerInvalid("The media process sent an utterance without words")
    return speech.Transcript(done.utterances, done.duration, done.language, done.notices)


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
