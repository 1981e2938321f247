"""The media work of the Merge step: join the annotated segments with the audio, and make the still pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avflow import ffmpeg
from avflow.annotation.gathering import gather
from avflow.media_work import requests
from avflow.progress import Report
from avflow.speech import subtitles


def prepare() -> None:
    """Load what the tasks load late, before there is an upload: nothing."""


class Tasks:
    """What the step asks for."""

    REQUESTS = requests.REQUESTS

    def join_segments(self, asked: requests.JoinSegments, report: Report) -> requests.Joined:
        """Raises FFmpegFailed, FrameCountMismatch, ScratchFull, MemoryExhausted."""
        source, target = Path(asked.source), Path(asked.target)
        ffmpeg.mux(_boxed(asked.segments), asked.rate, source, asked.media, target, report=report)
        return requests.Joined()

    def join_mp4(self, asked: requests.JoinMp4, report: Report) -> requests.Joined:
        """Raises FFmpegFailed, FrameCountMismatch, ScratchFull, MemoryExhausted."""
        track = None
        if asked.subtitles:
            track = ffmpeg.SubtitleTrack(subtitles.read(Path(asked.subtitles)), asked.language)
        ffmpeg.mux_mp4(
            _boxed(asked.segments),
            asked.rate,
            Path(asked.source),
            asked.media,
            Path(asked.target),
            subtitles=track,
            report=report,
        )
        return requests.Joined()

    def make_pictures(self, asked: requests.MakePictures, report: Report) -> requests.PicturesMade:
        """Raises MediaAnswerInvalid, FFmpegFailed, ScratchFull, MemoryExhausted."""
        thumbnail = Path(asked.thumbnail)
        found = gather([Path(segment) for segment in asked.segments], thumbnail.parent)
        if found.cover is None or not found.tiles:
            return requests.PicturesMade(False)
        found.cover.replace(thumbnail)
        ffmpeg.write_sheet(found.tiles, Path(asked.contact_sheet))
        return requests.PicturesMade(True)


def _boxed(segments: Sequence[requests.BoxedFile]) -> list[ffmpeg.Boxed]:
    return [ffmpeg.Boxed(Path(each.path), each.frames) for each in segments]
