"""Probe the upload, extract its sound, and convert its picture where the detector needs it."""

from __future__ import annotations

from typing import Any

from avflow import ffmpeg
from avflow.errors import InvalidMediaEmpty
from avflow.layout import VideoRef
from avflow.media import Media, conversion_reasons, probe
from avflow.stages.context import StageContext, StepTimer, scratch, source_path

#: bytes a second of what this step writes: 16 kHz mono 16-bit wav, and 4000k + 320k AVI
WAV_BYTES_PER_SECOND = 32_000
AVI_BYTES_PER_SECOND = 540_000


def run(video: VideoRef, context: StageContext) -> dict[str, Any]:
    """Write `media.json`, the wav (where there is sound) and the converted AVI (where it is necessary).

    Raises
    ------
    InvalidMedia
        The upload can't be processed anywhere.
    SourceMissing
        The upload is gone.
    LambdaBudgetExceeded
        Time or scratch space don't suffice here.
    """
    timer = StepTimer("ffmpeg", context.ran_on)
    store = context.store
    size = store.size(video.key, video.version_id)
    if size == 0:
        raise InvalidMediaEmpty(f"{video.filename} is empty (0 bytes).")
    context.budget.require_disk(size, f"{video.filename}")
    with scratch() as folder:
        source = source_path(folder, video)
        store.download(video.key, source, video.version_id)
        media = probe(source)
        reasons = conversion_reasons(media)
        context.budget.require_disk(_written(media, reasons) + size, f"{video.filename} and what is made of it")
        if media.sound:
            wav = folder / "sound.wav"
            ffmpeg.extract_wav(source, media, wav, report=context.report, budget=context.budget)
            store.upload(wav, video.wav)
        if reasons:
            converted = folder / "converted.avi"
            ffmpeg.convert(source, media, converted, report=context.report, budget=context.budget)
            store.upload(converted, video.converted)
    report = _report(video, media, reasons, timer)
    store.write_json(video.media_json, report)
    return report


def _written(media: Media, reasons: tuple[str, ...]) -> int:
    per_second = (WAV_BYTES_PER_SECOND if media.sound else 0) + (AVI_BYTES_PER_SECOND if reasons else 0)
    return round(media.duration * per_second)


def _report(video: VideoRef, media: Media, reasons: tuple[str, ...], timer: StepTimer) -> dict[str, Any]:
    """media.json: the state machine's Choice states read `has_sound` and `has_picture`."""
    # passed on as it is, by its key, without a copy
    picture = (video.converted, None) if reasons else (video.key, video.version_id)
    return {
        "has_sound": media.sound is not None,
        "has_picture": media.picture is not None,
        "input": media.to_dict(),
        "conversion_reasons": list(reasons),
        "picture": {"key": picture[0], "version_id": picture[1]} if media.picture else None,
        "step": timer.record(),
    }
