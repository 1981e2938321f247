"""What a user is told about speech that has no subtitles because the words of the engine are not believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from avflow.media.notices import Notice
from avflow.speech.windows import Window

#: seconds of unclear speech that are worth a warning; less is mostly a sound that resembles a voice
_WORTH_A_WARNING = 0.5
#: seconds of speech from which words that are only suspected count as well: the longer, the surer
_LONG = 8.0
#: the share of the speech that may be unclear to a model of English before the speech is taken for another language
_PREVALENT = 0.5


@dataclass
class Doubts:
    """The seconds of speech in the windows of one recording, and those whose words are doubted or suspected.

    Doubted words are left out. Suspected words stay, unless most of the recording is doubted or suspected.
    """

    spoken: float = 0.0
    doubted: float = 0.0
    suspected: float = 0.0
    #: start and end of the windows without believed words, in seconds
    places: list[tuple[float, float]] = field(default_factory=list)

    def add(self, window: Window, doubted: float, suspected: float = 0.0) -> None:
        """Count a window, with so many seconds of doubted and suspected speech."""
        self.spoken += window.spoken
        self.suspected += suspected
        self.doubted += doubted
        if doubted:
            self.places.append((window.start, window.end))

    @property
    def prevail(self) -> bool:
        """Whether most of the speech is doubted or suspected."""
        if self.doubted >= _WORTH_A_WARNING and self.doubted > _PREVALENT * self.spoken:
            return True
        return self.spoken >= _LONG and self.doubted + self.suspected > _PREVALENT * self.spoken

    def notices(self, origin: float, *, heard: str | None) -> tuple[Notice, ...]:
        """The warnings. `origin` is the start of the recording in the whole audio. `heard` is None without words."""
        if self.doubted < _WORTH_A_WARNING:
            return ()
        first, last = self.places[0][0] + origin, self.places[-1][1] + origin
        what = f"{self.doubted:.0f} s of speech between {_clock(first)} and {_clock(last)} have no subtitles"
        if heard is None:
            return (
                Notice(
                    "SpeechLanguageUnclear",
                    f"The language of the speech is unclear and the recognised words are improbable: {what}. "
                    "A larger model, such as whisper-small, may understand it.",
                ),
            )
        return (Notice("SpeechUnclear", f"The recognised words are improbable: {what}."),)


def not_english(model: str) -> Notice:
    """The warning that a model of English heard another language."""
    return Notice(
        "SpeechNotEnglish",
        f"The speech is probably not English, the only language of the model {model}, or too unclear for it. "
        "So it has no subtitles. Choose a model of many languages, such as whisper-base (SPEECH_MODEL, on AWS "
        "SpeechModel).",
    )


def _clock(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{left:02}"
