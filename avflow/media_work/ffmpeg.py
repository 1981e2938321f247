"""The media work of the FFmpeg step: probe the upload, extract its audio, convert its video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from avflow import ffmpeg
from avflow.errors import FFmpegFailed, InvalidMediaDamaged
from avflow.media import Notice, VideoStream, on_one_clock, probe
from avflow.media.key_frames import KeyScan
from avflow.media.lengths import truncation
from avflow.media.notices import video_left_out
from avflow.media_work import requests
from avflow.progress import Report
from avflow.speech import spans


def prepare() -> None:
    """Load what the tasks load late, before there is an upload."""
    from avflow.media import probing  # noqa: PLC0415
    from avflow.media.clock import joining  # noqa: PLC0415
    from avflow.speech import wav  # noqa: PLC0415

    del probing, joining, wav


class Tasks:
    """What the step asks for."""

    REQUESTS = requests.REQUESTS

    def describe(self, asked: requests.Describe, report: Report) -> requests.Described:
        """Raises InvalidMedia, and what `on_one_clock` raises."""
        source, copy = Path(asked.source), Path(asked.copy)
        copy.parent.mkdir(exist_ok=True)
        keys = KeyScan()
        found, media = on_one_clock(source, copy, audio_track=asked.audio_track, keys=keys, report=report)
        if asked.refuse_cut:
            truncation.refuse(found, media)
        return requests.Described(media, found == copy, keys.found(found) if media.video else None)

    def extract_sound(self, asked: requests.ExtractSound, report: Report) -> requests.SoundExtracted:
        """If the sound fails although it seemed good, the media has none, and the picture is processed."""
        source, media, wav = Path(asked.source), asked.media, Path(asked.wav)
        try:
            ffmpeg.extract_wav(source, media, wav, report=report)
        except FFmpegFailed as error:
            if media.video is None:
                raise
            message = f"The audio of {source.name} can't be decoded: the result has no audio. {error.message}"
            return requests.SoundExtracted((), (Notice("AudioUndecodable", message),))
        parts = spans.cut(wav, seconds=asked.span_seconds, most=asked.max_spans)
        for _ in spans.pieces(wav, parts):
            pass
        return requests.SoundExtracted(parts)

    def convert_picture(self, asked: requests.ConvertPicture, report: Report) -> requests.PictureConverted:
        """If the picture fails although it seemed good, the media has none, and keeps its subtitles."""
        media, target = asked.media, Path(asked.target)
        try:
            notices = ffmpeg.convert(Path(asked.source), media, target, report=report)
        except (FFmpegFailed, InvalidMediaDamaged) as error:
            if media.audio is None:
                raise
            return requests.PictureConverted(None, (video_left_out(error),))
        return requests.PictureConverted(_converted_stream(target), notices)


def _converted_stream(converted: Path) -> VideoStream | None:
    """The description of the conversion, whose frame rate and number of frames may differ. It holds no frames."""
    stream = probe(converted, measure=False).video
    return None if stream is None else replace(stream, held_first=0, held_last=0)
