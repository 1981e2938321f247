"""Decides which video stream is the film and which audio streams are heard, by their content rather than their flags.

- The film is the video stream with the most pixels in all its frames together. A stream of one frame is a preview.
- The default audio stream is heard, or else the first. A silent one is passed over, and commentary and audio
  description come last.
- Several mono streams in one language are the microphones of one programme, and are mixed.
- The setting `AudioTrack` (index or language) takes precedence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from av.stream import Disposition

from avflow.media.clock.origin import number
from avflow.media.model import Track
from avflow.media.notices import Notice
from avflow.media.tracks.languages import normalised
from avflow.media.tracks.loudness import FLOOR, LOUDEST, Measured, Sound

#: dispositions of audio that accompanies the programme (libavformat/avformat.h)
_SECONDARY = (
    Disposition.comment
    | Disposition.visual_impaired
    | Disposition.descriptions
    | Disposition.karaoke
    | Disposition.clean_effects
    | Disposition.non_diegetic
)
_SECONDARY_TITLE = re.compile(r"comment(ary|aries|aire)|kommentar|comentari|audio ?descri|descriptive|\bAD\b", re.I)
#: dispositions of pictures that are not the film
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
#: the most streams in the manifest, and the most characters of a title: a file may have a thousand streams
_MOST, _LONGEST = 64, 200

_NOT_PROCESSED = "not processed"
_SAME: Mapping[int, int] = {}
_KINDS: dict[str, Literal["video", "audio", "subtitle"]] = {"video": "video", "audio": "audio", "subtitle": "subtitle"}


@dataclass(frozen=True)
class Choice:
    """The chosen streams. `audio` has several if they are mixed, the main one first."""

    video: Any
    audio: tuple[Any, ...]
    #: index of a stream, and why it was used or not
    why: dict[int, str]
    notices: tuple[Notice, ...] = ()


def films(streams: Sequence[Any]) -> list[Any]:
    """The video streams that are not cover art."""
    return [stream for stream in streams if not stream.disposition & Disposition.attached_pic]


def choose_video(streams: Sequence[Any], frames: Mapping[int, int]) -> tuple[Any, dict[int, str]]:
    """The film among video streams, or None, and why each stream was used or not.

    Parameters
    ----------
    frames:
        The number of frames by the stream's index. It may lack streams if there is only one.
    """
    candidates = films(streams)
    why = {s.index: "cover art" for s in streams if s not in candidates}
    if not candidates:
        return None, why

    def rank(stream: Any) -> tuple[bool, bool, int, bool, int]:
        count = frames.get(stream.index, 0)
        return (
            not stream.disposition & _PICTURES,
            count > 1,
            count * _pixels(stream),
            bool(stream.disposition & Disposition.default),
            -stream.index,
        )

    best = max(candidates, key=rank)
    if len(candidates) == 1:
        return best, why | {best.index: "the only video stream"}
    for stream in candidates:
        count, size = frames.get(stream.index, 0), "{}x{}".format(*_size(stream))
        most = "the most pixels in all frames together" if stream is best else "fewer pixels in all frames together"
        why[stream.index] = f"{most}: {count} frames of {size}"
    return best, why


def choose_audio(streams: Sequence[Any], measured: Measured, wanted: str, numbers: Mapping[int, int] = _SAME) -> Choice:
    """The audio streams that are heard.

    Parameters
    ----------
    measured:
        The sound of all streams. It may lack streams if there is only one.
    wanted:
        The setting `AudioTrack`: index or language of a stream, or empty.
    numbers:
        The indexes that the user knows, where they differ from those of the file (`avflow.media.clock.origin`).
    """
    if not streams:
        return Choice(None, (), {})
    rank = _rank(measured)
    found = _matching(streams, wanted, numbers) if wanted else []
    pool = found or list(streams)
    reason = f"AudioTrack is {wanted}" if found else ""
    notices = (_not_found(streams, wanted, numbers),) if wanted and not found else ()
    best = min(pool, key=rank)
    mixed = (best,) if wanted == str(number(best, numbers)) else _programme(best, pool, measured)
    why = {s.index: _why_not(s, best, measured, reason, numbers) for s in streams if s not in mixed}
    for stream in mixed:
        if stream is not best:
            main = number(best, numbers)
            why[stream.index] = f"a mono stream of the same programme as stream {main}, and mixed with it"
            continue
        why[stream.index] = reason or _why(stream, best, streams, measured)
        if len(mixed) > 1:
            why[stream.index] += f"; mixed from {len(mixed)} mono streams of one programme"
    return Choice(None, mixed, why, notices)


def describe(
    streams: Sequence[Any], choice: Choice, measured: Measured, numbers: Mapping[int, int] = _SAME
) -> tuple[Track, ...]:
    """All streams of the file for the manifest; the chosen ones and the first ones of very many."""
    chosen = {stream.index for stream in (choice.video, *choice.audio) if stream is not None}
    known = [stream for stream in streams if stream.type in _KINDS]
    kept = sorted(known, key=lambda stream: (stream.index not in chosen, stream.index))[:_MOST]
    return tuple(
        replace(
            _track(stream, stream.index in chosen, choice.why.get(stream.index, _NOT_PROCESSED), measured),
            index=number(stream, numbers),
        )
        for stream in sorted(kept, key=lambda stream: stream.index)
    )


def left_out(streams: Sequence[Any], why: Mapping[int, str]) -> tuple[Track, ...]:
    """The streams of a recording that its copy lacks, for the manifest.

    Parameters
    ----------
    why:
        The reason by the stream's index, where there is one.
    """

    def reason(stream: Any) -> str:
        cover = "cover art" if stream.disposition & Disposition.attached_pic else _NOT_PROCESSED
        return why.get(stream.index, cover)

    known = [stream for stream in streams if stream.type in _KINDS][:_MOST]
    return tuple(_track(stream, False, reason(stream), Measured({})) for stream in known)


def _rank(measured: Measured) -> Callable[[Any], tuple[bool, bool, bool, bool, int]]:
    def rank(stream: Any) -> tuple[bool, bool, bool, bool, int]:
        sound = measured.sounds.get(stream.index)
        return (
            stream.codec_context is None or (sound is not None and not sound.layouts),
            sound is not None and sound.silent,
            _is_secondary(stream),
            not stream.disposition & Disposition.default,
            stream.index,
        )

    return rank


def _is_secondary(stream: Any) -> bool:
    """Whether a stream holds commentary, audio description, or no speech by design."""
    return bool(stream.disposition & _SECONDARY) or bool(_SECONDARY_TITLE.search(stream.metadata.get("title", "")))


def _programme(best: Any, streams: Sequence[Any], measured: Measured) -> tuple[Any, ...]:
    """The mono streams that are mixed with the best one."""

    def fits(stream: Any) -> bool:
        sound = measured.sounds.get(stream.index)
        return (
            sound is not None
            and [len(names) for names in sound.layouts] == [1]
            and not sound.silent
            and _is_secondary(stream) == _is_secondary(best)
            and normalised(_language(stream)) == normalised(_language(best))
        )

    return (best, *(s for s in streams if s is not best and fits(s))) if fits(best) else (best,)


def _matching(streams: Sequence[Any], wanted: str, numbers: Mapping[int, int]) -> list[Any]:
    if wanted.isdigit():
        return [stream for stream in streams if number(stream, numbers) == int(wanted)]
    return [stream for stream in streams if normalised(_language(stream)) == normalised(wanted) != ""]


def _not_found(streams: Sequence[Any], wanted: str, numbers: Mapping[int, int]) -> Notice:
    offered = ", ".join(f"{number(s, numbers)} ({_language(s) or 'language unknown'})" for s in streams[:_MOST])
    return Notice(
        "AudioTrackNotFound",
        f"No audio stream has the index or language {wanted} of AudioTrack, so the stream was chosen automatically. "
        f"The file has the audio streams {offered}.",
    )


def _why(stream: Any, best: Any, streams: Sequence[Any], measured: Measured) -> str:
    if len(streams) == 1:
        return "the only audio stream"
    sound = measured.sounds.get(best.index)
    if sound is not None and sound.silent:
        return "all audio streams are silent"
    if _is_secondary(stream):
        return "the other audio streams are silent"
    return "the default stream" if stream.disposition & Disposition.default else "the first audio stream with sound"


def _why_not(stream: Any, best: Any, measured: Measured, reason: str, numbers: Mapping[int, int]) -> str:
    sound = measured.sounds.get(stream.index)
    if sound is None or not sound.layouts:
        return "it can't be decoded"
    if sound.silent:
        return "silent"
    if reason:
        return reason
    if _is_secondary(stream) and not _is_secondary(best):
        return "commentary, audio description or no speech"
    return f"stream {number(best, numbers)} comes first"


def _language(stream: Any) -> str | None:
    language: str | None = stream.metadata.get("language")
    return language[:_LONGEST] if language and language != "und" else None


def _size(stream: Any) -> tuple[int, int]:
    context = stream.codec_context
    return (0, 0) if context is None else (context.width, context.height)


def _pixels(stream: Any) -> int:
    width, height = _size(stream)
    return width * height


def _track(stream: Any, chosen: bool, why: str, measured: Measured) -> Track:
    context, sound = stream.codec_context, measured.sounds.get(stream.index)
    title = stream.metadata.get("title")
    is_audio, is_video = stream.type == "audio", stream.type == "video"
    width, height = _size(stream) if is_video else (0, 0)
    return Track(
        index=stream.index,
        kind=_KINDS[stream.type],
        codec=context.name if context is not None else None,
        language=_language(stream),
        title=title[:_LONGEST] if title else None,
        dispositions=tuple(flag.name for flag in Disposition if flag & stream.disposition and flag.name),
        chosen=chosen,
        why=why,
        channels=context.channels if is_audio and context is not None else None,
        layout=context.layout.name[:_LONGEST] if is_audio and context is not None else None,
        level=_level(sound) if sound is not None else None,
        width=width or None,
        height=height or None,
    )


def _level(sound: Sound) -> float | None:
    level = sound.level(LOUDEST)
    return level if level > FLOOR else None
