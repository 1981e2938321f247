"""The media work of the Merge step: join the annotated segments with the audio, and make the still pictures.

It also draws the boxes if what is drawn was not known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from avflow import ffmpeg
from avflow.annotation.gathering import gather
from avflow.media_work import merge_requests, requests
from avflow.progress import Report
from avflow.speech import subtitles


def prepare() -> None:
    """Load what the tasks load late, before there is an upload: nothing."""


class Tasks:
    """What the step asks for."""

    REQUESTS = requests.REQUESTS

    def render(self, asked: merge_requests.Render, report: Report) -> merge_requests.Rendered:
        """Raises MediaAnswerInvalid, InvalidMediaDamaged, FrameCountMismatch, FFmpegFailed, ScratchFull."""
        # only this task needs OpenCV
        from avflow.annotation.burning import BurntSubtitles  # noqa: PLC0415
        from avflow.annotation.pipeline import Extras  # noqa: PLC0415
        from avflow.annotation.rendering import render_video  # noqa: PLC0415

        stream, cues = asked.stream, subtitles.read(Path(asked.subtitles)) if asked.subtitles else []
        avi, mp4, pictures = (Path(path) if path else None for path in (asked.avi, asked.mp4, asked.pictures))
        with ExitStack() as stack:
            texts, overlay = None, None
            if cues:
                fonts = [Path(each) for each in asked.fonts]
                folder = next(path.parent for path in (avi, mp4, pictures) if path)
                texts = stack.enter_context(ffmpeg.TextPictures(cues, (stream.width, stream.height), folder, fonts))
                overlay = BurntSubtitles(cues, iter(texts), stream.nominal_rate)
            done = render_video(
                Path(asked.source),
                stream,
                Path(asked.detections),
                avi,
                class_ids=asked.class_ids,
                extras=Extras(mp4, pictures, asked.color_space),
                labels=asked.labels,
                overlay=overlay,
                report=report,
            )
            if texts is None:
                return merge_requests.Rendered(done.frames)
            texts.finish()
            return merge_requests.Rendered(
                done.frames, "".join(sorted(texts.missing - {"\0"})), "\0" not in texts.missing
            )

    def join_segments(self, asked: merge_requests.JoinSegments, report: Report) -> merge_requests.Joined:
        """Raises FFmpegFailed, FrameCountMismatch, ScratchFull, MemoryExhausted."""
        source, target = Path(asked.source), Path(asked.target)
        ffmpeg.mux(_boxed(asked.segments), asked.rate, source, asked.media, target, report=report)
        return merge_requests.Joined()

    def join_mp4(self, asked: merge_requests.JoinMp4, report: Report) -> merge_requests.Joined:
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
        return merge_requests.Joined()

    def make_pictures(self, asked: merge_requests.MakePictures, report: Report) -> merge_requests.PicturesMade:
        """Raises MediaAnswerInvalid, FFmpegFailed, ScratchFull, MemoryExhausted."""
        thumbnail = Path(asked.thumbnail)
        found = gather([Path(segment) for segment in asked.segments], thumbnail.parent)
        if found.cover is None or not found.tiles:
            return merge_requests.PicturesMade(False)
        found.cover.replace(thumbnail)
        ffmpeg.write_sheet(found.tiles, Path(asked.contact_sheet))
        return merge_requests.PicturesMade(True)


def _boxed(segments: Sequence[merge_requests.BoxedFile]) -> list[ffmpeg.Boxed]:
    return [ffmpeg.Boxed(Path(each.path), each.frames) for each in segments]
