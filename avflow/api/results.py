"""What the calls return. Other libraries take it as it is: NumPy arrays, dataclasses and dicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avflow.api.showing import summary
from avflow.media import Media, Notice
from avflow.models.kinds import SpeechTask
from avflow.speech import texts, webvtt
from avflow.speech.subtitles import Cue, cues, write
from avflow.speech.transcript import Transcript, Word

if TYPE_CHECKING:
    from avflow.detection import Detection


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects in one picture, the most confident first. `len()` is their number.

    Parameters
    ----------
    xyxy:
        (n, 4) float32: left, top, right and bottom of each box in pixels, within the picture.
    confidence:
        (n,) float32, 0 to 1.
    class_id:
        (n,) int64: the number of the class in the model.
    class_name:
        The name of the class of each object.
    size:
        Width and height of the picture in pixels.
    frame:
        The number of the frame, from 0.
    time:
        Seconds since the first frame; None for pictures and for frames without times.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    class_name: tuple[str, ...]
    size: tuple[int, int]
    frame: int = 0
    time: float | None = None

    @classmethod
    def of(
        cls, found: Sequence[Detection], size: tuple[int, int], frame: int = 0, time: float | None = None
    ) -> Detections:
        """From a detector's own form."""
        boxes = np.array([each.box for each in found], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return cls(
            boxes,
            np.array([each.confidence for each in found], np.float32),
            np.array([each.class_id for each in found], np.int64),
            tuple(each.class_name for each in found),
            size,
            frame,
            time,
        )

    def __len__(self) -> int:
        return len(self.class_name)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict for each object, as pandas takes them: frame, time, class, confidence, left, top, right, bottom."""
        return list(self._dicts())

    def _dicts(self) -> Iterator[dict[str, Any]]:
        for name, confidence, box in zip(self.class_name, self.confidence.tolist(), self.xyxy.tolist(), strict=True):
            corners = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
            yield {"frame": self.frame, "time": self.time, "class": name, "confidence": confidence, **corners}

    def to_supervision(self) -> Any:
        """A `supervision.Detections`, whose `data` has the names of the classes. Needs the package supervision.

        Raises
        ------
        ImportError
            supervision is not installed.
        """
        try:
            import supervision  # noqa: PLC0415 - only who wants it has it
        except ImportError as error:
            raise ImportError("The package supervision is not installed: pip install supervision") from error
        return supervision.Detections(
            xyxy=self.xyxy,
            confidence=self.confidence,
            class_id=self.class_id,
            data={"class_name": np.array(self.class_name, dtype=np.str_)},
        )


@dataclass(frozen=True)
class Transcription:
    """What is said in a file.

    Parameters
    ----------
    language:
        The spoken language, ISO 639-1; None if nobody speaks.
    seconds:
        The duration of the audio.
    words:
        Each word with its start and end in seconds, its probability, and whether it is joined to the word before it.
    cues:
        The words laid out as subtitles. Start and end are in seconds.
    notices:
        What the caller should know, for example speech without words.
    task:
        "translate": the words are English, and `language` is the spoken one.
    """

    language: str | None
    seconds: float
    words: list[Word]
    cues: list[Cue]
    text: str
    notices: tuple[Notice, ...] = ()
    task: SpeechTask = "transcribe"
    _transcript: Transcript = field(repr=False, kw_only=True)

    @classmethod
    def of(cls, said: Transcript, notices: Sequence[Notice] = (), *, task: SpeechTask = "transcribe") -> Transcription:
        """From the transcript of a speech engine, and notices about its file."""
        told = tuple(dict.fromkeys((*notices, *said.notices)))
        return cls(said.language, said.duration, [*said.words], cues(said), said.text, told, task, _transcript=said)

    def to_dict(self) -> dict[str, Any]:
        """The form of OpenAI's Whisper, which `pysubs2.load_from_whisper` takes.

        It has `text`, `language` and `segments`: `start`, `end`, `text` and `words` of each utterance. A word has
        `word`, `start`, `end` and `probability`.
        """
        segments = [
            {
                "id": number,
                "start": said.start,
                "end": said.end,
                "text": said.text,
                "words": [_as_whisper(word) for word in said.words],
            }
            for number, said in enumerate(self._transcript.utterances)
        ]
        return {"text": self.text, "language": self.language, "segments": segments}

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict for each cue: start, end and text. pysubs2 and pandas take them."""
        return [asdict(cue) for cue in self.cues]

    def write_srt(self, path: str | Path) -> Path:
        """Write the cues as a SubRip file. Returns its path."""
        write(self.cues, Path(path))
        return Path(path)

    def write_vtt(self, path: str | Path) -> Path:
        """Write the cues as a WebVTT file. Returns its path."""
        webvtt.write(self.cues, Path(path))
        return Path(path)

    def write_txt(self, path: str | Path) -> Path:
        """Write the text, a sentence on each line. Returns its path."""
        texts.write_text(self._transcript, Path(path))
        return Path(path)

    def write_json(self, path: str | Path) -> Path:
        """Write each word with its time, as `….transcript.json` of the workflow. Returns its path."""
        texts.write_json([self._transcript], self.task, Path(path))
        return Path(path)


def _as_whisper(word: Word) -> dict[str, Any]:
    return {
        "word": word.text if word.joined else f" {word.text}",
        "start": word.start,
        "end": word.end,
        "probability": word.probability,
    }


@dataclass(frozen=True, kw_only=True)
class Processed:
    """The results of one file. A path is None if the file has no such part, or the result was not wanted.

    A notebook shows it as a short summary with a picture and a link to the page.

    Parameters
    ----------
    video:
        The annotated AVI, with the original audio.
    mp4:
        The annotated video as H.264 and AAC, with the subtitles as a track.
    detections:
        A JSON object for each frame, one a line (docs/schemas/detections-line.schema.json), with tracks.
    subtitles, webvtt, text, transcript:
        What is said: as SubRip, as WebVTT, as plain text, and with each word's time. Empty if nobody speaks.
    thumbnail, contact_sheet:
        JPEG: one frame, and frames of the whole video.
    page:
        A page with all of it, for a browser. It plays the MP4 beside it.
    media:
        What the file is.
    converted_because:
        Why the video was converted first; empty if it was not.
    frames:
        The frames of the annotated video.
    objects, frames_with, unique:
        By class: how many detections there are, in how many frames, and of how many different objects.
    transcription:
        What is said; None without audio.
    notices:
        What the caller should know: damage, streams that were left out, speech without words.
    """

    video: Path | None = None
    mp4: Path | None = None
    detections: Path | None = None
    subtitles: Path | None = None
    webvtt: Path | None = None
    text: Path | None = None
    transcript: Path | None = None
    thumbnail: Path | None = None
    contact_sheet: Path | None = None
    page: Path | None = None
    media: Media
    converted_because: tuple[str, ...] = ()
    frames: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    frames_with: dict[str, int] = field(default_factory=dict)
    unique: dict[str, int] = field(default_factory=dict)
    transcription: Transcription | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """The files that were written."""
        return [value for each in fields(self) if isinstance(value := getattr(self, each.name), Path)]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return summary(self)
