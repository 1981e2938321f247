"""Probe the upload, extract its audio, and convert its video if the detector cannot read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from avflow import ffmpeg
from avflow.errors import FFmpegFailed, InvalidMediaDamaged, InvalidMediaEmpty
from avflow.media import Media, Notice, VideoStream, conversion_reasons, on_one_clock, probe
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND, WAV_BYTES_PER_SECOND
from avflow.media.lengths import truncation
from avflow.media.notices import video_left_out
from avflow.models.store import ModelStore
from avflow.progress import Report, divided
from avflow.speech import require_task, spans
from avflow.workflow import ceilings, plan
from avflow.workflow.context import StepContext, StepTimer, paced, scratch, source_path
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import DetectorInput, MediaReport

#: approximate share of the audio extraction in the time of audio extraction and video conversion
AUDIO_SHARE = 0.1


def run(video: VideoRef, context: StepContext) -> MediaReport:
    """Write `media.json`, a WAV file per span of the audio, and the converted AVI if a conversion is necessary.

    Raises
    ------
    InvalidMedia
        The upload can't be processed, neither on Lambda nor on Batch.
    SourceMissing
        The upload was deleted.
    SettingInvalid
        The speech model can't translate.
    MaxRunCostExceeded
        The run would cost too much.
    LambdaBudgetExceeded
        Lambda's time or scratch space does not suffice.
    """
    timer = StepTimer("ffmpeg", context)
    # here, because the speech is recognised only after minutes of work on the video
    require_task(context.settings.speech_model, context.settings.speech_task, ModelStore())
    store = context.store
    size = store.size(video.key, video.version_id)
    if size == 0:
        raise InvalidMediaEmpty(f"{video.shown_name} is empty (0 bytes).")
    ceilings.require_affordable_size(video.shown_name, size, context.settings)
    context.budget.require_disk(size, f"{video.shown_name}")
    with scratch() as folder, store.transfers() as transfers:
        source = source_path(folder, video)
        store.download(video.key, source, video.version_id)
        copy = folder / "joined" / video.scratch_name
        copy.parent.mkdir()
        in_time = paced(context.report, context.budget, f"reading {source.name}")
        source, media = on_one_clock(source, copy, audio_track=context.settings.audio_track, report=in_time)
        if context.settings.on_truncated == "fail":
            truncation.refuse(source, media)
        ceilings.require_affordable(video.shown_name, media, context.settings)
        joined = video.joined if source == copy else None
        if joined is not None:
            context.budget.require_disk(copy.stat().st_size, f"{video.shown_name} and its joined recordings")
            transfers.upload(copy, joined)
        stream, reasons = media.video, conversion_reasons(media)
        context.budget.require_disk(
            _written(media, reasons) + size, f"{video.shown_name} with its audio and conversion"
        )
        audio_share = AUDIO_SHARE if reasons else 1.0
        extracting, converting = divided(context.report, *((audio_share, 1 - audio_share) if media.audio else (0, 1)))
        parts: tuple[spans.Span, ...] = ()
        if media.audio:
            wav = folder / "audio.wav"
            in_time = paced(extracting, context.budget, f"the audio extraction of {source.name}")
            media = _with_sound(source, media, wav, in_time)
        if media.audio:
            parts = spans.cut(wav, seconds=context.settings.speech_span_seconds, most=context.settings.max_spans)
            for span, piece in zip(parts, spans.pieces(wav, parts), strict=True):
                transfers.upload(piece, video.wav(span.part))
        if reasons:
            converted = folder / "converted.avi"
            in_time = paced(converting, context.budget, f"the conversion of {source.name}")
            media = _with_picture(source, media, converted, in_time)
            stream = None
            if media.video is not None:
                transfers.upload(converted, video.converted)
                stream = _converted_stream(converted)
    report = MediaReport(
        has_audio=media.audio is not None,
        has_video=media.video is not None,
        input=media,
        conversion_reasons=reasons,
        detector_input=_to_detect(video, stream, video.converted if reasons else joined),
        plan=plan.make(media, stream, parts, context.settings),
        step=timer.record(),
        joined=joined,
    )
    store.write(video.media_json, report)
    return report


def _with_sound(source: Path, media: Media, wav: Path, report: Report) -> Media:
    """Write `wav`. If the sound fails although it seemed good, the media has none, and the picture is processed."""
    try:
        ffmpeg.extract_wav(source, media, wav, report=report)
    except FFmpegFailed as error:
        if media.video is None:
            raise
        message = f"The audio of {source.name} can't be decoded: the result has no audio. {error.message}"
        return replace(media, audio=None).noting(Notice("AudioUndecodable", message))
    return media


def _with_picture(source: Path, media: Media, converted: Path, report: Report) -> Media:
    """Write `converted`. If the picture fails although it seemed good, the media has none, and keeps its subtitles."""
    try:
        return media.noting(*ffmpeg.convert(source, media, converted, report=report))
    except (FFmpegFailed, InvalidMediaDamaged) as error:
        if media.audio is None:
            raise
        return replace(media, video=None).noting(video_left_out(error))


def _converted_stream(converted: Path) -> VideoStream | None:
    """The description of the conversion, whose frame rate and number of frames may differ. It holds no frames."""
    stream = probe(converted, measure=False).video
    return None if stream is None else replace(stream, held_first=0, held_last=0)


def _written(media: Media, reasons: tuple[str, ...]) -> int:
    """Bytes of scratch space for the WAV files and the converted video."""
    wav = 2 * WAV_BYTES_PER_SECOND if media.audio else 0  # the whole, and its spans
    avi = VIDEO_BYTES_PER_SECOND + AUDIO_BYTES_PER_SECOND if reasons else 0
    return round(media.duration * (wav + avi))


def _to_detect(video: VideoRef, stream: VideoStream | None, made: str | None) -> DetectorInput | None:
    """What the detector reads: the object that this step made of the upload, or else the upload itself."""
    if stream is None:
        return None
    return DetectorInput(made or video.key, None if made else video.version_id, stream)
