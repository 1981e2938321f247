"""Probe the upload, extract its sound, and convert its picture where the detector needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from avflow import ffmpeg
from avflow.errors import InvalidMediaEmpty
from avflow.media import Media, VideoStream, conversion_reasons, probe
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND, WAV_BYTES_PER_SECOND
from avflow.progress import divided
from avflow.speech import spans
from avflow.workflow import plan
from avflow.workflow.context import StepContext, StepTimer, paced, scratch, source_path
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import DetectorInput, MediaReport
from avflow.workflow.settings import Settings

#: of the time in which sound is extracted and the picture converted, what the sound takes, about
SOUND_SHARE = 0.1


def run(video: VideoRef, context: StepContext) -> MediaReport:
    """Write `media.json`, a wav for each span of the audio, and the converted AVI (where it is necessary).

    Raises
    ------
    InvalidMedia
        The upload can't be processed anywhere.
    SourceMissing
        The upload is gone.
    LambdaBudgetExceeded
        Time or scratch space don't suffice here.
    """
    timer = StepTimer("ffmpeg", context)
    store = context.store
    size = store.size(video.key, video.version_id)
    if size == 0:
        raise InvalidMediaEmpty(f"{video.filename} is empty (0 bytes).")
    context.budget.require_disk(size, f"{video.filename}")
    with scratch() as folder, store.transfers() as transfers:
        source = source_path(folder, video)
        store.download(video.key, source, video.version_id)
        media = probe(source)
        stream, reasons = media.video, conversion_reasons(media)
        context.budget.require_disk(_written(media, reasons) + size, f"{video.filename} and what is made of it")
        sound_share = SOUND_SHARE if reasons else 1.0
        extracting, converting = divided(context.report, *((sound_share, 1 - sound_share) if media.audio else (0, 1)))
        parts: tuple[spans.Span, ...] = ()
        if media.audio:
            wav = folder / "sound.wav"
            in_time = paced(extracting, context.budget, f"extract sound of {source.name}")
            ffmpeg.extract_wav(source, media, wav, report=in_time)
            parts = _cut(wav, context.settings)
            for span, piece in zip(parts, _pieces(wav, parts), strict=True):
                transfers.upload(piece, video.wav(span.part))
        if reasons:
            converted = folder / "converted.avi"
            in_time = paced(converting, context.budget, f"convert of {source.name}")
            ffmpeg.convert(source, media, converted, report=in_time)
            transfers.upload(converted, video.converted)
            stream = probe(converted).video  # another rate, another number of frames
    report = MediaReport(
        has_audio=media.audio is not None,
        has_video=media.video is not None,
        input=media,
        conversion_reasons=reasons,
        detector_input=_to_detect(video, stream, reasons),
        plan=plan.make(media, stream, parts, context.settings),
        step=timer.record(),
    )
    store.write(video.media_json, report)
    return report


def _written(media: Media, reasons: tuple[str, ...]) -> int:
    """Bytes of scratch space that the wav and the converted video take."""
    wav = 2 * WAV_BYTES_PER_SECOND if media.audio else 0  # as it comes, and cut
    avi = VIDEO_BYTES_PER_SECOND + AUDIO_BYTES_PER_SECOND if reasons else 0
    return round(media.duration * (wav + avi))


def _cut(wav: Path, settings: Settings) -> tuple[spans.Span, ...]:
    return spans.cut(wav, seconds=settings.speech_span_seconds, most=settings.max_spans)


def _pieces(wav: Path, parts: Sequence[spans.Span]) -> Iterator[Path]:
    """A file for each span: the audio itself where it is one."""
    if len(parts) == 1:
        yield wav
        return
    from avflow.speech.wav import write_part  # noqa: PLC0415 - with numpy, which short audio has no use for

    for span in parts:
        piece = wav.with_name(f"span-{span.part:04}.wav")
        write_part(wav, span.start, span.end, piece)
        yield piece


def _to_detect(video: VideoRef, stream: VideoStream | None, reasons: tuple[str, ...]) -> DetectorInput | None:
    """What the detector reads: the upload itself, by its key, without a copy, or its conversion."""
    if stream is None:
        return None
    key, version = (video.converted, None) if reasons else (video.key, video.version_id)
    return DetectorInput(key, version, stream)
