"""Probe the upload, extract its audio, and convert its video if the detector cannot read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from avflow.errors import InvalidMediaEmpty, MediaAnswerInvalid
from avflow.isolation.workplace import Workplace, workplace
from avflow.media import Media, Notice, VideoStream, conversion_reasons
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND, WAV_BYTES_PER_SECOND
from avflow.media.key_frames import KeyFrames
from avflow.media_work import limits
from avflow.media_work.requests import ConvertPicture, Describe, ExtractSound
from avflow.models.store import ModelStore
from avflow.progress import Report, divided
from avflow.speech import spans
from avflow.workflow import ceilings, choosing, plan
from avflow.workflow.choices import Choices
from avflow.workflow.choosing import Chosen
from avflow.workflow.context import StepContext, StepTimer, paced
from avflow.workflow.isolating import Worker
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import DetectorInput, MediaReport
from avflow.workflow.settings import Settings
from avflow.workflow.storage import StoredObject, Transfers

#: approximate share of the audio extraction in the time of audio extraction and video conversion
AUDIO_SHARE = 0.1


def run(video: VideoRef, context: StepContext) -> MediaReport:
    """Write `media.json`, `plan.json`, a WAV file per span of the audio, and the converted AVI if one is necessary.

    Raises
    ------
    InvalidMedia
        The upload can't be processed, neither on Lambda nor on Batch.
    SourceMissing
        The upload was deleted.
    SettingInvalid
        The stack, or the upload's metadata, chooses what there is not, or what the models can't do.
    MaxRunCostExceeded
        The run would cost too much.
    LambdaBudgetExceeded
        Lambda's time or scratch space does not suffice.
    MediaWorkFailed, MediaAnswerInvalid, IsolationUnavailable
        As `avflow.isolation.worker.MediaWorker`.
    """
    timer = StepTimer("ffmpeg", context)
    store = context.store
    upload = store.found(video.key, video.version_id)
    chosen = _chosen(video, upload.metadata, context.settings)
    context = replace(context, settings=replace(context.settings, choices=chosen.choices))
    context = context.within(chosen.choices.lambda_seconds, video)
    if (size := upload.size) == 0:
        raise InvalidMediaEmpty(f"{video.shown_name} is empty (0 bytes).")
    ceilings.require_affordable_size(video.shown_name, size, context.settings)
    context.budget.require_disk(size, f"{video.shown_name}")
    with workplace() as place, store.transfers() as transfers, context.media_process("ffmpeg", place) as worker:
        source = place.inputs / video.scratch_name
        store.download(video.key, source, video.version_id)  # while the process imports its libraries
        work = _Work(video, context, chosen.choices, place, transfers, worker)
        source, media, key_frames = work.described(source)
        media = media.noting(*_unread(upload))
        ceilings.require_affordable(video.shown_name, media, context.settings)
        joined = video.joined if source.parent != place.inputs else None
        stream, reasons = media.video, conversion_reasons(media)
        context.budget.require_disk(
            _written(media, reasons) + size, f"{video.shown_name} with its audio and conversion"
        )
        audio_share = AUDIO_SHARE if reasons else 1.0
        extracting, converting = divided(context.report, *((audio_share, 1 - audio_share) if media.audio else (0, 1)))
        parts: tuple[spans.Span, ...] = ()
        if media.audio:
            media, parts = work.with_sound(source, media, extracting)
        if reasons:
            media, stream = work.with_picture(source, media, converting)
            key_frames = None  # the conversion has an index
        isolation = worker.isolation
    report = MediaReport(
        has_audio=media.audio is not None,
        has_video=media.video is not None,
        input=media,
        conversion_reasons=reasons,
        detector_input=_to_detect(video, stream, key_frames, video.converted if reasons else joined),
        plan=plan.make(media, stream, parts, context.settings),
        step=timer.record(isolation),
        joined=joined,
        outputs=context.settings.outputs,
        choices=chosen.choices,
        chosen_by_upload=chosen.by_upload,
    )
    store.write(video.media_json, report)
    store.write(video.plan_json, plan.for_the_workflow(video, report))
    return report


def _unread(upload: StoredObject) -> tuple[Notice, ...]:
    """What the user should know about metadata that S3 does not return: a choice may be among it."""
    if not upload.unreadable_metadata:
        return ()
    told = (
        f"S3 does not return {upload.unreadable_metadata} of the upload's metadata, because of control codes. "
        "If the name begins with avflow-, the choice was not read."
    )
    return (Notice("MetadataUnreadable", told),)


def _chosen(video: VideoRef, metadata: Mapping[str, str], settings: Settings) -> Chosen:
    """What counts for this upload. It comes first: what is wrong with it would show only after minutes of work."""
    chosen = choosing.of_upload(settings.choices, metadata, video.shown_name)
    return choosing.fitting(chosen, settings.yolov3_model, settings.speech_model, ModelStore(), video.shown_name)


@dataclass(frozen=True)
class _Work:
    """What the media process does on one upload, and the uploads of what it makes."""

    video: VideoRef
    context: StepContext
    choices: Choices
    place: Workplace
    transfers: Transfers
    worker: Worker

    def described(self, source: Path) -> tuple[Path, Media, KeyFrames | None]:
        """The file to read, the upload or the copy of its recordings on one clock, its description and key frames."""
        context, copy = self.context, self.place.work / "joined" / self.video.scratch_name
        request = Describe(str(source), str(copy), self.choices.audio_track, context.settings.on_truncated == "fail")
        limit = limits.describing(self.video.shown_name, source.stat().st_size)
        done = self.worker.do(request, paced(context.report, context.budget, f"reading {source.name}"), limit)
        if done.media.size != source.stat().st_size:
            raise MediaAnswerInvalid("The media process sent another size than the upload has")
        if not done.joined:
            return source, done.media, done.key_frames
        inputs = self.place.inputs / "joined"  # where the media process can still read it
        inputs.mkdir()
        copy = self.place.take(f"joined/{copy.name}", inputs)
        context.budget.require_disk(copy.stat().st_size, f"{self.video.shown_name} and its joined recordings")
        self.transfers.upload(copy, self.video.joined)
        return copy, done.media, done.key_frames

    def with_sound(self, source: Path, media: Media, report: Report) -> tuple[Media, tuple[spans.Span, ...]]:
        """The media, without audio if that can't be decoded, and its spans, each uploaded as a WAV file."""
        settings, wav = self.context.settings, self.place.work / "audio.wav"
        request = ExtractSound(str(source), media, str(wav), settings.speech_span_seconds, settings.max_spans)
        in_time = paced(report, self.context.budget, f"the audio extraction of {source.name}")
        done = self.worker.do(request, in_time)
        _require_in_order(done.spans, settings.max_spans)
        media = media.noting(*done.notices)
        if not done.spans:
            return replace(media, audio=None), ()
        for span in done.spans:
            piece = self.place.take(spans.piece_name(wav.name, span, len(done.spans)))
            self.transfers.upload(piece, self.video.wav(span.part))
        return media, done.spans

    def with_picture(self, source: Path, media: Media, report: Report) -> tuple[Media, VideoStream | None]:
        """The media, without video if that can't be decoded, and the video stream of the uploaded conversion."""
        converted = self.place.work / "converted.avi"
        in_time = paced(report, self.context.budget, f"the conversion of {source.name}")
        done = self.worker.do(ConvertPicture(str(source), media, str(converted)), in_time)
        media = media.noting(*done.notices)
        if done.stream is None:
            return replace(media, video=None), None
        self.transfers.upload(self.place.take(converted.name), self.video.converted)
        return media, done.stream


def _require_in_order(parts: tuple[spans.Span, ...], most: int) -> None:
    """Raise MediaAnswerInvalid unless the spans follow each other from 0."""
    edges = [0.0, *(edge for span in parts for edge in (span.start, span.end))]
    if len(parts) > most or edges != sorted(edges) or [span.part for span in parts] != list(range(len(parts))):
        raise MediaAnswerInvalid("The media process sent spans that are out of order")


def _written(media: Media, reasons: tuple[str, ...]) -> int:
    """Bytes of scratch space for the WAV files and the converted video."""
    wav = 2 * WAV_BYTES_PER_SECOND if media.audio else 0  # the whole, and its spans
    avi = VIDEO_BYTES_PER_SECOND + AUDIO_BYTES_PER_SECOND if reasons else 0
    return round(media.duration * (wav + avi))


def _to_detect(
    video: VideoRef, stream: VideoStream | None, key_frames: KeyFrames | None, made: str | None
) -> DetectorInput | None:
    """What the detector reads: the object that this step made of the upload, or else the upload itself."""
    if stream is None:
        return None
    return DetectorInput(made or video.key, None if made else video.version_id, stream, key_frames)
