"""The final MP4: the annotated segments, joined without encoding, with AAC audio and the subtitles as a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.ffmpeg.arguments import source_input
from avflow.ffmpeg.audio import aligned, decoder_command
from avflow.ffmpeg.commands import require_all, run_output
from avflow.ffmpeg.joining import Boxed, concat_input
from avflow.ffmpeg.process import written_whole
from avflow.ffmpeg.subtitle_track import write_track
from avflow.media.containers import file_url
from avflow.media.formats import AAC_BITRATE, encodable_rate, mp3_rate
from avflow.media.model import Media
from avflow.media.tracks.copying import is_copyable
from avflow.media.tracks.languages import three_letters
from avflow.progress import Report, ignore
from avflow.speech.subtitles import Cue


@dataclass(frozen=True)
class SubtitleTrack:
    """Cues, at least one, and the language of their text, ISO 639-1; None if unknown."""

    cues: Sequence[Cue]
    language: str | None


def mux_mp4(
    boxed: Sequence[Boxed],
    rate: Fraction,
    source: Path,
    media: Media,
    target: Path,
    *,
    subtitles: SubtitleTrack | None = None,
    report: Report = ignore,
) -> None:
    """Write `target`: the video of `boxed`, copied without encoding, the audio of `source`, and the subtitles.

    Audio that is AAC already is copied. Other audio is encoded from the samples of which the AVI's audio is made.

    Parameters
    ----------
    boxed:
        The annotated segments of the video, in order, MP4 without audio, all in one folder. This function writes a list
        of them to that folder.
    rate, source, media:
        As for `avflow.ffmpeg.commands.mux`.
    subtitles:
        A track that a viewer can switch on. It is written to the folder of `target` first.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted
    FrameCountMismatch
        The segments don't contain the expected number of frames. `target` is not written.
    """
    decoder, tracks, options = _audio(source, media, report)
    streams = [concat_input(boxed, encodable_rate(rate), "mov")["v:0"], *tracks]
    if subtitles:
        track = target.with_name("subtitles.mp4")
        write_track(subtitles.cues, track)
        streams.append(ffmpeg.input(file_url(track), format="mov", protocol_whitelist="file")["s:0"])
        options |= {"scodec": "copy", "metadata:s:s:0": f"language={three_letters(subtitles.language)}"}
    with written_whole(target) as partial:
        output = ffmpeg.output(
            *streams,
            file_url(partial),
            format="mp4",
            vcodec="copy",
            movflags="+faststart",
            # AAC's padding has negative timestamps; shifting all timestamps to 0 would move the video
            avoid_negative_ts="disabled",
            fps_mode="passthrough",
            **options,
        )
        require_all(boxed, run_output(output, decoder, source, media, step="merge", report=report), source.name)


def _audio(source: Path, media: Media, report: Report) -> tuple[list[str] | None, list[Any], dict[str, Any]]:
    """The command that decodes the audio stream, the stream, and its options; None, [] and {} without audio."""
    if media.audio is None:
        return None, [], {}
    if is_copyable(source, media, report):
        copied = source_input(source, late=media.audio.late, itsoffset=f"{-media.zero:.6f}")
        return None, [copied[str(media.audio.index)]], {"acodec": "copy"}
    rate = mp3_rate(media.audio.rate)
    track = aligned(media, rate=rate)
    return decoder_command(source, media.audio, rate=rate), [track], {"acodec": "aac", "audio_bitrate": AAC_BITRATE}
