"""Chooses the streams of an uploaded file that are processed, and describes how its sound is mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard

from avflow.media.clock.origin import number
from avflow.media.model import AudioStream, Track
from avflow.media.notices import Notice
from avflow.media.tracks.late import demuxed
from avflow.media.tracks.loudness import Measured, measure
from avflow.media.tracks.mixing import mix
from avflow.media.tracks.rules import choose_audio, choose_video, describe, films


class Choosing:
    """The choice of streams, and the measurements that it needs.

    With a single video stream and a single audio stream, there is no choice, and nothing is read before `mixed`.

    Parameters
    ----------
    container:
        Just opened.
    reopen:
        Opens the same file once more, for measurements.
    wanted:
        The setting `AudioTrack`: index or language of an audio stream, or empty.
    tick:
        Called often during measurements. Whatever it raises ends them.
    undecodable:
        Why a stream can't be decoded, by its index. It is not chosen.
    numbers:
        As in `avflow.media.clock.origin.Origin`.
    """

    def __init__(
        self,
        container: InputContainer,
        reopen: Callable[[], AbstractContextManager[InputContainer]],
        wanted: str,
        tick: Callable[[], None],
        undecodable: Mapping[int, str],
        *,
        numbers: Mapping[int, int],
    ) -> None:
        self._numbers = numbers
        self._container, self._reopen, self._tick = container, reopen, tick
        self._measured = Measured({})
        videos, sounds = (
            [stream for stream in streams if stream.index not in undecodable]
            for streams in (container.streams.video, container.streams.audio)
        )
        if len(sounds) > 1:
            self._measure([stream.index for stream in sounds])
        candidates = films(videos)
        frames = self._count(candidates) if len(candidates) > 1 else {}
        video, why = choose_video(videos, frames)
        lost = {index: f"it can't be decoded: {reason}" for index, reason in undecodable.items()}
        choice = choose_audio(sounds, self._measured, wanted, numbers)
        self.choice = replace(choice, video=video, why=choice.why | why | lost)

    @property
    def video(self) -> Any:
        """The film, or None."""
        return self.choice.video

    @property
    def audio(self) -> Any:
        """The main stream of those that are heard, or None."""
        return next(iter(self.choice.audio), None)

    def mixed(self, stream: AudioStream) -> AudioStream:
        """The description of the main stream, with the mix of all streams that are heard."""
        indexes = [chosen.index for chosen in self.choice.audio]
        if not self._measured.sounds:
            self._measure(indexes)
        found = mix(self._measured, indexes)
        return replace(
            stream, mix=found.streams, speech_gain=found.speech_gain, sound_gain=found.sound_gain, peak=found.peak
        )

    @property
    def heard(self) -> bool:
        """Whether any sample could be decoded. Valid after `mixed`."""
        return any(self._measured.sounds[chosen.index].layouts for chosen in self.choice.audio)

    def unheard(self, path: Path) -> Notice:
        """The notice for streams without a sample."""
        index = number(self.audio, self._numbers)
        message = f"Audio stream {index} of {path.name} gives no sample when it is decoded: the result has no audio."
        return Notice("AudioUndecodable", message)

    def notices(self, path: Path) -> tuple[Notice, ...]:
        """What the user should know about the choice. Valid after `mixed`."""
        seconds = self._measured.sampled_from
        if seconds is None:
            return self.choice.notices
        hours, minutes = divmod(int(seconds) // 60, 60)
        message = (
            f"The sound of {path.name} was measured up to {hours} h {minutes} min, and behind that in samples: "
            "amplification and mix follow from these."
        )
        return (*self.choice.notices, Notice("SoundSampled", message))

    def tracks(self) -> tuple[Track, ...]:
        """The streams of the file, for the manifest."""
        return describe(list(self._container.streams), self.choice, self._measured, self._numbers)

    def _measure(self, indexes: list[int]) -> None:
        with self._reopen() as container:
            self._measured = measure(container, [container.streams[index] for index in indexes], self._tick)

    def _count(self, streams: list[Any]) -> Counter[int]:
        """The packets of video streams by the stream's index."""
        counts: Counter[int] = Counter()
        with self._reopen() as container, suppress(av.error.FFmpegError):  # the scan reports damage
            indexes = [stream.index for stream in streams]
            for stream in container.streams:
                if stream.index not in indexes:
                    stream.discard = Discard.all
            for packet in demuxed(container, [container.streams[index] for index in indexes]):
                self._tick()
                counts[packet.stream.index] += bool(packet.size and not packet.is_discard)
        return counts
