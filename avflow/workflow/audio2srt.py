"""Recognise the speech in one span of the sound; the Merge step lays all spans out as subtitles."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from avflow import speech
from avflow.models.store import ModelStore
from avflow.workflow import cost
from avflow.workflow.context import StepContext, StepTimer, paced, scratch
from avflow.workflow.layout import VideoRef
from avflow.workflow.manifest import model_entry

#: bytes in which a WAV file's header and FFmpeg's remarks end
_HEAD_BYTES = 4096


def run(video: VideoRef, context: StepContext) -> dict[str, Any]:
    """Write what is said in span `context.part` of the plan, with times from the start of the sound.

    Returns
    -------
    dict
        The report without its `transcript`, which can be longer than a Lambda function may answer.

    Raises
    ------
    ModelUnavailable
        The speech model is not on this machine.
    LambdaBudgetExceeded
        The pace shows that Lambda's time won't do, or the sound doesn't fit in its /tmp.
    """
    timer = StepTimer("audio2srt", context)
    name = context.settings.get("SPEECH_MODEL", speech.DEFAULT_MODEL)
    with scratch() as folder, ThreadPoolExecutor(1) as loader:
        memory_mb = (cost.compute(context.settings) or {}).get("memory_mb")
        loading = loader.submit(_engine, name, memory_mb)  # while the sound comes
        sound = _Sound(video, context, folder)
        start, wav = sound.span(context.part)
        engine = loading.result()
        # that of the whole: else a span that begins with a quotation would be heard in the quotation's language
        report = paced(context.report, context.budget, "speech recognition")
        language = engine.language_of(sound.spans_before(context.part), report)
        transcript = engine.transcribe(wav, report, origin=start, language=language).shifted(start)
    result = {
        "language": transcript.language,
        "seconds": transcript.duration,
        "model": model_entry("speech", ModelStore().describe(name)),
        "step": timer.record(),
    }
    context.store.write_json(video.part_json("audio2srt", context.part), {**result, "transcript": transcript.to_dict()})
    return result


@lru_cache(maxsize=1)
def _engine(name: str, memory_mb: int | None) -> speech.SpeechEngine:
    """Kept for the next invocation: a warm Lambda function needs no time for it."""
    return speech.open_engine(name, ModelStore(), memory_mb=memory_mb)


class _Sound:
    """The sound of a video in S3; each span of its plan becomes a WAV file of its own in `folder`."""

    def __init__(self, video: VideoRef, context: StepContext, folder: Path) -> None:
        from avflow.speech.wav import data_offset  # noqa: PLC0415 - with numpy

        self._video, self._context, self._folder = video, context, folder
        self._spans = context.store.read_json(video.media_json)["plan"]["spans"]
        self._size = context.store.size(video.wav)
        head = folder / "head"
        context.store.download_range(video.wav, head, 0, min(self._size, _HEAD_BYTES))
        self._offset = data_offset(head.read_bytes(), video.wav)

    def span(self, part: int) -> tuple[float, Path]:
        """Where a span begins in the sound, in seconds, and its samples alone."""
        from avflow.speech.wav import BYTES_PER_SAMPLE, SAMPLE_RATE, wrap  # noqa: PLC0415 - with numpy

        span = self._spans[part]
        first, last = (
            min(self._offset + round(span[edge] * SAMPLE_RATE) * BYTES_PER_SAMPLE, self._size)
            for edge in ("start", "end")
        )
        samples, wav = self._folder / "samples", self._folder / f"span-{part:04}.wav"
        # twice while it is wrapped, and it may be that the span itself is there already
        self._context.budget.require_disk(3 * (last - first), f"the sound of {self._video.filename}")
        self._context.store.download_range(self._video.wav, samples, first, last)
        wrap(samples, wav)
        samples.unlink()
        return span["start"], wav

    def spans_before(self, part: int) -> Iterator[tuple[float, Path]]:
        """Those before this span, each fetched when it is asked for, and gone with the next."""
        for earlier in range(part):
            start, wav = self.span(earlier)
            yield start, wav
            wav.unlink()
