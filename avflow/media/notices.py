"""What a user should know about a result although the run succeeded."""

from __future__ import annotations

from dataclasses import dataclass

from avflow.errors import (
    AvflowError,
    InvalidMediaFrameRate,
    InvalidMediaOutOfProportion,
    InvalidMediaTooLarge,
    InvalidMediaTooLong,
)
from avflow.media.contract import Contract

#: the picture could be decoded, but exceeds what is accepted
_LIMITS = (InvalidMediaFrameRate, InvalidMediaOutOfProportion, InvalidMediaTooLarge, InvalidMediaTooLong)


@dataclass(frozen=True)
class Notice(Contract):
    """A warning. The manifest lists all warnings of a run, and the command line prints them at its end."""

    #: what happened, as one word in CamelCase that programs can compare, such as `AudioUndecodable`
    name: str
    #: one sentence: what is wrong with which input, and what the result is
    message: str


def video_left_out(error: AvflowError) -> Notice:
    """The notice for a picture that is refused for the reason `error`, although the sound is good."""
    refused = isinstance(error, _LIMITS)
    name = "VideoLeftOut" if refused else "VideoUndecodable"
    return Notice(name, f"{error.message} The result has no video.")


def empty_streams(name: str, *, video: int | None, audio: int | None) -> tuple[Notice, ...]:
    """Notices for streams without a single packet: a recorder got no picture, or no sound.

    Parameters
    ----------
    name:
        The name of the file.
    video, audio:
        The index of the stream, if it is empty.
    """
    return tuple(
        Notice(f"{kind}Undecodable", f"{kind} stream {index} of {name} is empty: the result has no {kind.lower()}.")
        for kind, index in (("Video", video), ("Audio", audio))
        if index is not None
    )
